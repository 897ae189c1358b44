"""HEALTHCHECK of the images, which have no curl: ends with 0 where a URL answers 200."""

import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])) as answer:  # noqa: S310
    sys.exit(answer.status != 200)
