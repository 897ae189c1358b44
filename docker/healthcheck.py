"""HEALTHCHECK of the images, which have no curl: ends with 0 where a path answers 200 on PORT."""

import os
import sys
import urllib.request

TIMEOUT_S = 3.0
url = f"http://127.0.0.1:{os.environ['PORT']}{sys.argv[1]}"
# Docker's client hands its own proxy to every container, and a proxy knows no 127.0.0.1 of ours.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with direct.open(url, timeout=TIMEOUT_S) as answer:
    sys.exit(answer.status != 200)
