"""Waiting for what a test cannot be told of, and never for ever."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Returns once `condition()` is true. Fails the test where it never is."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"did not come true within {seconds} s"
        time.sleep(0.005)
