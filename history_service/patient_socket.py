"""A client's socket that a thread waits for, but not for ever."""

from __future__ import annotations

import errno
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

TAKEN_S = 30.0
"""Seconds that a client may leave a piece of an answer lying."""


class TooSlow(ConnectionResetError):
    """A client that counts as gone, since it took too long."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client is too slow")


class PatientSocket(socket.socket):
    """Reads until `arrives_by` (time.monotonic()), however often a byte comes; sends for TAKEN_S.

    A client that is slower counts as gone: recv and sendall raise TooSlow.
    """

    arrives_by = math.inf

    def recv(self, *args: Any) -> bytes:
        if self.getblocking():
            with self._within(self.arrives_by - time.monotonic()):
                return super().recv(*args)
        return super().recv(*args)

    def sendall(self, *args: Any) -> None:
        with self._within(TAKEN_S):
            super().sendall(*args)

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        before = self.gettimeout()
        longest = math.inf if before is None else before
        left = min(max(seconds, 0.001), longest)
        self.settimeout(None if left == math.inf else left)
        try:
            yield
        except TimeoutError as error:
            raise TooSlow from error
        finally:
            self.settimeout(before)
