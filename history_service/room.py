"""How many bytes of large requests are in memory at one time; the others wait outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from history_service.batcher import QueueFull


class Room:
    """Bytes that requests share; one that asks for more than all of them has all of them.

    waiting_max: most requests that wait, since each holds a thread that small ones need.
    """

    def __init__(self, size: int, waiting_max: int):
        self._size = self._free = size
        self._waiting, self._waiting_max = 0, waiting_max
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted: int, deadline: float) -> Iterator[None]:
        """Holds bytes for as long as the block runs. deadline: in time.monotonic() seconds.

        Raises QueueFull where there is no room by then, or too many wait for it.
        """
        wanted = min(wanted, self._size)
        with self._changed:
            self._await(wanted, deadline)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()

    def _await(self, wanted: int, deadline: float) -> None:
        if self._free < wanted and self._waiting >= self._waiting_max:
            raise QueueFull
        self._waiting += 1
        try:
            left_s = max(deadline - time.monotonic(), 0.0)
            if not self._changed.wait_for(lambda: self._free >= wanted, left_s):
                raise QueueFull
        finally:
            self._waiting -= 1
