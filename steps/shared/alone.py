"""A folder that one process at a time writes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderTaken(Exception):
    """Another process writes the folder."""


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Makes a folder where there is none, and keeps it from others until the end of the block.

    The lock is on the folder itself (flock(2)): it leaves no file behind, and a process that is
    killed holds nothing. File systems that know no such locks, as those over a network may not,
    go without. Raises FolderTaken.
    """
    descriptor = _open(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise FolderTaken(str(folder)) from error
        except OSError:
            return descriptor
        if _still(folder, descriptor):
            return descriptor
        os.close(descriptor)  # it was finished and renamed between the two lines


def _still(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
