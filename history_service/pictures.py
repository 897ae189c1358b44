"""Thumbnails, where pictures are kept; the only place of the service that decodes one."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from io import BytesIO
from threading import Lock

from PIL import Image

LONGEST_SIDE = 256  # pixels of a thumbnail
MAX_PIXELS = 50_000_000
LARGE = 16_000_000
"""Pixels above which pictures are decoded one at a time: each takes up to 8 bytes."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
EXIF_ORIENTATION = 0x0112
# EXIF 2.32, table 4: the turn that brings a stored picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_one_large = Lock()


def thumbnail(data: bytes) -> bytes | None:
    """A small upright JPEG without the photograph's EXIF data, None where none can be made.

    Raises nothing: the model has taken the picture, and its neighbours wait for the same answer.
    """
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
    except Exception:  # each codec has exceptions of its own, none of them documented
        return None


def _small(picture: Image.Image) -> Image.Image:
    """The picture itself, small and upright: turning it first would copy all of it."""
    # Pillow turns a TIFF by itself while it loads, and no other format. Its exif_transpose would
    # also write the photograph's other EXIF data anew, and fail where that cannot be written.
    stored = 1 if picture.format == "TIFF" else picture.getexif().get(EXIF_ORIENTATION, 1)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), reducing_gap=None)
    way = UPRIGHT.get(stored)
    return picture if way is None else picture.transpose(way)


def _as_jpeg(picture: Image.Image) -> bytes:
    encoded = BytesIO()
    _on_white(picture).save(encoded, "JPEG", quality=85)
    return encoded.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        return _sixteen_to_eight_bits(picture).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("RGB")


def _sixteen_to_eight_bits(picture: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255 instead of scaling.
    return picture.convert("I").point(lambda value: value / 257).convert("L")
