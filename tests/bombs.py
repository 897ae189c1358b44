"""Pictures that are small as a file and huge once unpacked."""

import struct
import zlib


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def huge_png(side: int = 30_000, depth: int = 1, kind: int = 0) -> bytes:
    """A whole PNG of one colour, a few megabytes packed; by default 900 megapixels unpacked.

    depth: bits of a sample. kind: PNG's colour type, 0 grey, 6 red, green, blue and opacity.
    """
    width = height = side
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + (width * depth * {0: 1, 6: 4}[kind] + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)
