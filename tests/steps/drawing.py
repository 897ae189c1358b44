"""Pictures for the tests, drawn in code: no photograph is kept in the repository."""

import io
import struct

import numpy as np
from PIL import Image

CORNERS = ((255, 0, 0), (0, 160, 0), (0, 0, 255), (240, 220, 0))
"""Top left, top right, bottom left, bottom right."""


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """A picture whose four quarters differ, so that every turn and mirroring shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    halves = [(slice(0, height // 2), slice(height // 2, None))]
    for number, colour in enumerate(CORNERS):
        rows = halves[0][number // 2]
        columns = slice(0, width // 2) if number % 2 == 0 else slice(width // 2, None)
        pixels[rows, columns] = colour
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def with_orientation(picture: Image.Image, kind: str, orientation: int, **options) -> bytes:
    """A picture file whose EXIF says which way is up."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture, kind, exif=exif, **options)


def photograph(width: int = 640, height: int = 480, seed: int = 0) -> Image.Image:
    """Something with the soft and the fine structure of a photograph."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    noise = rng.normal(0, 6, (height, width, 1)).astype(np.int16)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def huge_gif() -> bytes:
    """A GIF whose header claims 65,535 × 65,535 pixels."""
    data = bytearray(encoded(Image.new("P", (8, 8)), "GIF"))
    data[6:10] = struct.pack("<HH", 65_535, 65_535)
    return bytes(data)


def huge_webp() -> bytes:
    """A WebP whose extended header claims 16,384 × 16,384 pixels."""
    inner = encoded(Image.new("RGB", (8, 8)), "WEBP")[12:]
    side = (16_384 - 1).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + side + side
    body = b"WEBP" + extended + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_tiff() -> bytes:
    """A TIFF whose header claims 60,000 × 60,000 pixels and holds none."""
    tags = [
        (256, 4, 60_000),
        (257, 4, 60_000),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, 60_000),
        (279, 4, 100),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)
