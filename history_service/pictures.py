"""Thumbnails, where pictures are kept; the only place of the service that decodes one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from io import BytesIO
from threading import Lock

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from history_service.room import Room

LONGEST_SIDE = 256  # pixels of a thumbnail
REDUCED = 3  # sides of a thumbnail to which whole pixels are averaged, before they are interpolated
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

BYTES_A_PIXEL = {"WEBP": 16, "TIFF": 12}
"""What a picture takes at most while it is decoded, 5 in other formats: its own 4, and a band. Of a
WebP there are four copies; of a TIFF its 16 bits a colour too."""
BYTES_A_COEFFICIENT = 2
"""Of a JPEG in several scans all coefficients are kept, however small it is decoded."""
SMALL = 1_000_000  # pixels (and so of a band) up to which nobody counts
TOGETHER = 256_000_000  # bytes of all pictures that are decoded at one time
ALONE = 400_000_000  # bytes of one that is, while no other is: what a container of 512 MB has left
PATIENCE_S = 60.0

_room = Room(TOGETHER, waiting_max=1)
_turn = Lock()


def thumbnail(data: bytes) -> bytes | None:
    """A small upright JPEG without the photograph's EXIF data, None where none can be made.

    Raises nothing: the model has taken the picture, and its neighbours wait for the same answer.
    """
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("ignore")  # the bytes are counted on the next line
            needed = _bytes(picture)
            if needed > ALONE:
                return None
            # A JPEG decodes straight to a half, a quarter or an eighth: two thirds of the time of
            # twice the side, which thumbnail() would ask for by its reducing_gap.
            small = picture.width * picture.height <= SMALL
            picture.draft(None, (LONGEST_SIDE, LONGEST_SIDE))
            with nullcontext() if small else _share(needed):
                upright = _upright(picture)
            return _as_jpeg(upright)
    except Exception:  # each codec has exceptions of its own, none of them documented
        return None


def _bytes(picture: Image.Image) -> int:
    if isinstance(picture, JpegImageFile):
        each = BYTES_A_COEFFICIENT * len(picture.getbands())
    else:
        each = BYTES_A_PIXEL.get(picture.format or "", 5)
    return picture.width * picture.height * each


@contextmanager
def _share(needed: int) -> Iterator[None]:
    """Part of the room for what is decoded. Raises QueueFull where there is none for a minute."""
    with ExitStack() as held:
        # Who waits keeps those behind it: a large picture would wait for ever for many middling.
        with _turn:
            held.enter_context(_room.taken(needed, time.monotonic() + PATIENCE_S))
        yield


def _upright(picture: Image.Image) -> Image.Image:
    """The picture in RGB, small and upright: turning it first would copy all of it."""
    picture.load()
    # Pillow's exif_transpose would also write the photograph's other EXIF data anew, and fail where
    # that cannot be written.
    stored = _orientation(picture)
    small = _on_white(_shrunk(picture))
    picture.close()  # with its pixels, before the next one has its own
    way = UPRIGHT.get(stored)
    return small if way is None else small.transpose(way)


def _orientation(picture: Image.Image) -> int:
    # Pillow turns a TIFF by itself while it loads, and no other format.
    if picture.format == "TIFF":
        return 1
    try:
        return picture.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:  # data about the picture that is broken breaks no pixel: these are loaded
        return 1


def _shrunk(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    longest = max(width, height)
    across = longest // (REDUCED * LONGEST_SIDE) or 1
    down = min(across, SMALL // width) or 1
    scale = min(LONGEST_SIDE / longest, 1.0)
    return _reduced(picture, across, down).resize(
        (round(width * scale) or 1, round(height * scale) or 1),
        Image.Resampling.BICUBIC,
        box=(0, 0, width / across, height / down),
    )


def _reduced(picture: Image.Image, across: int, down: int) -> Image.Image:
    """The means of so many columns and rows, band by band: converting it whole would copy it."""
    width, height = picture.size
    rows = max(SMALL // width // down, 1) * down
    if height <= rows:
        return _plain(picture).reduce((across, down))
    bands = [
        _plain(picture.crop((0, top, width, min(top + rows, height)))).reduce((across, down))
        for top in range(0, height, rows)
    ]
    whole = Image.new(bands[0].mode, (bands[0].width, -(-height // down)))
    for i, band in enumerate(bands):
        whole.paste(band, (0, i * rows // down))
    return whole


def _plain(picture: Image.Image) -> Image.Image:
    """In mode RGB, or RGBa where it may be transparent: colours times opacity, which average as
    they would on white."""
    if picture.mode.startswith("I"):
        return _sixteen_to_eight_bits(picture).convert("RGB")
    if picture.has_transparency_data:
        return picture.convert("RGBA").convert("RGBa")
    return picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """In mode RGB, whatever `_plain` gave."""
    if picture.mode != "RGBa":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def _sixteen_to_eight_bits(picture: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255 instead of scaling.
    return picture.convert("I").point(lambda value: value / 257).convert("L")


def _as_jpeg(picture: Image.Image) -> bytes:
    encoded = BytesIO()
    picture.save(encoded, "JPEG", quality=85)
    return encoded.getvalue()
