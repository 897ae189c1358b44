"""Reads and copies files that may be anything: no more of one is held in memory than a picture has.

A folder of photographs has videos in it, of gigabytes, and each core reads a file.
"""

import hashlib
import os
from pathlib import Path

from steps.served_model.pictures import require_size

BLOCK = 2**20
"""Bytes that are copied at one time."""


def read(path: Path) -> bytes:
    """What a file holds. Raises OSError, and PictureError too_many_bytes, as `decode` would, for
    one of more bytes than are accepted, which is not read."""
    with path.open("rb") as file:
        require_size(os.fstat(file.fileno()).st_size)
        return file.read()


def copy(source: Path, target: Path) -> tuple[str, int]:
    """Copy what a file holds, however much; returns its SHA-256, in hexadecimal, and its bytes."""
    whole, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(BLOCK):
            whole.update(block)
            size += writer.write(block)
    return whole.hexdigest(), size
