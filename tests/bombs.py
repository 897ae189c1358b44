"""Pictures that are small as a file and huge once unpacked, and what they cost."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def huge_png(width: int = 30_000, height: int = 30_000, depth: int = 1, kind: int = 0) -> bytes:
    """A whole PNG of one colour, a few megabytes packed; by default 900 megapixels unpacked.

    depth: bits of a sample. kind: PNG's colour type, 0 grey, 6 red, green, blue and opacity.
    """
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + (width * depth * {0: 1, 6: 4}[kind] + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


IMAGE_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "1048576"}
"""How the Dockerfiles have memory handled: big blocks go back to the system."""


def run_as_in_the_image(script: str, data: bytes, *arguments: str | Path) -> list[str]:
    """The words that a Python script prints, with the data as its input and memory handled as the
    Dockerfiles say; in a process of its own, whose peak nothing else has raised."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        input=data,
        capture_output=True,
        check=True,
        env={**os.environ, **IMAGE_MEMORY},
    )
    return done.stdout.decode().split()
