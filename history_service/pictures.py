"""Thumbnails, where pictures are kept; the only place of the service that decodes one."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from io import BytesIO
from threading import Lock

from PIL import Image, ImageOps

LONGEST_SIDE = 256  # pixels of a thumbnail
MAX_PIXELS = 50_000_000
LARGE = 16_000_000
"""Pixels above which pictures are decoded one at a time: each takes up to 8 bytes."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_one_large = Lock()


def thumbnail(data: bytes) -> bytes | None:
    """A small upright JPEG without the photograph's EXIF data, None where it cannot be read."""
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("ignore")  # the pixels are counted on the next line
            pixels = picture.width * picture.height
            if pixels > MAX_PIXELS:
                return None
            # A JPEG decodes straight to a half, a quarter or an eighth: two thirds of the time of
            # twice the side, which thumbnail() would ask for by its reducing_gap.
            picture.draft(None, (LONGEST_SIDE, LONGEST_SIDE))
            with _one_large if pixels > LARGE else nullcontext():
                small = _small(picture)
            return _as_jpeg(small)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None


def _small(picture: Image.Image) -> Image.Image:
    """The picture itself, small and upright: turning it first would copy all of it."""
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), reducing_gap=None)
    return ImageOps.exif_transpose(picture)


def _as_jpeg(picture: Image.Image) -> bytes:
    encoded = BytesIO()
    _on_white(picture).save(encoded, "JPEG", quality=85)
    return encoded.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("RGB")
