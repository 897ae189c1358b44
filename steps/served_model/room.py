"""How many bytes of pictures are in memory at one time; the others wait for their turn."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

TOGETHER = 400_000_000
"""Bytes of all pictures that are decoded at one time: of 1 GB, MLflow and a network take half."""


class Room:
    """Bytes that threads share; one that asks for more than all of them has all of them."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted: int) -> Iterator[None]:
        """Holds bytes for as long as the block runs; waits for them as long as it takes."""
        wanted = min(wanted, self._size)
        # Who waits keeps those behind it: a large one would wait for ever for many middling.
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()
