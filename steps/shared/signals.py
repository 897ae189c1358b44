"""How a stage ends when it is told to: once in good order, then at once."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

PASSED_ON_S = 2.0
"""Seconds after Ctrl-C in which `mlflow run` passes it on to the stage, which had it already: a
pool that is ended is not to be disturbed while it waits for its workers."""


@contextmanager
def heeding_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise KeyboardInterrupt, for a `with` block; a second one, PASSED_ON_S
    after the first or later, ends the process at once, with code 130."""
    first = None

    def heed(*_: object) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - first > PASSED_ON_S:
            _end_at_once()

    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    # In the background of a shell SIGINT is ignored, and stays so.
    before = {kind: handler for kind, handler in before.items() if handler is not signal.SIG_IGN}
    for kind in before:
        signal.signal(kind, heed)
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _end_at_once() -> None:
    # Who asks a second time waits for no worker, and for no tracking server that may be gone.
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(130)
