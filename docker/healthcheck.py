"""HEALTHCHECK of the images, which have no curl: ends with 0 where a path answers 200 on PORT."""

import os
import sys
import urllib.request

TIMEOUT_S = 3.0
url = f"http://127.0.0.1:{os.environ['PORT']}{sys.argv[1]}"
with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # nosec B310
    sys.exit(answer.status != 200)
