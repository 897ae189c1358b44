"""Decodes and resizes pictures: the one way in, for training and for serving alike."""

import io
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What is accepted, as Pillow names it; JPEG includes the MPO that some phones write."""

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


class PictureError(ValueError):
    """A picture that cannot be used: `code` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple:
        """How it travels from a process that decodes to the one that waits."""
        return type(self), (self.code, str(self))


@dataclass(frozen=True)
class Limits:
    """What a picture may cost at most; checked before any pixel is decoded."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 64_000_000
    max_decoded_bytes: int = 640_000_000
    """What fits into a container of 1 GB beside the network: 40 million pixels of a WebP."""


LIMITS = Limits()

BYTES_A_PIXEL = {"WEBP": 16, "TIFF": 12}
"""What a picture takes at most while it is decoded, 5 in other formats: its own 4, and a band. Of a
WebP there are four copies; of a TIFF its 16 bits a colour too."""
BYTES_A_COEFFICIENT = 2
"""Of a JPEG in several scans all coefficients are kept, however small it is decoded."""

SMALL = 1_000_000
"""Pixels of a picture up to which it waits for nobody; and of a band of a larger one."""

REDUCING_GAP = 2.0
"""Times the wanted side to which whole pixels are averaged, before they are interpolated."""


def decode(
    data: bytes,
    size: int,
    limits: Limits = LIMITS,
    room: Callable[[int], AbstractContextManager] = nullcontext,
) -> np.ndarray:
    """Turn an encoded picture into the network's input.

    data: a JPEG, PNG, WebP, GIF (first frame), BMP or TIFF (first page).
    size: side in pixels; the whole picture is scaled to size × size, aspect not kept.
    room: given the bytes that decoding takes, holds them: how threads share memory, see room.py;
    not asked for pictures up to SMALL.
    Returns (size, size, 3) uint8 RGB: upright, transparency laid on white, 16 bits scaled to 8.
    Raises PictureError with code empty, too_many_bytes, not_an_image, too_many_pixels or damaged.
    """
    with open_picture(data, limits) as picture:
        try:
            return _shrink(picture, size, room)
        except PictureError:
            raise
        except Exception as error:  # each codec has exceptions of its own, none of them documented
            raise PictureError("damaged", "The picture is damaged or incomplete.") from error


def open_picture(data: bytes, limits: Limits = LIMITS) -> Image.Image:
    """Read a picture's header only, and hold it against the limits. Raises as `decode` does."""
    if not data:
        raise PictureError("empty", "The file is empty (0 bytes).")
    require_size(len(data), limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own, higher pixel limit; broken metadata
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits.max_pixels) from error
    except Exception as error:
        raise PictureError(
            "not_an_image", "The file is not a JPEG, PNG, WebP, GIF, BMP or TIFF picture."
        ) from error
    most = min(limits.max_pixels, limits.max_decoded_bytes // _bytes_a_pixel(picture))
    if picture.width * picture.height > most:
        raise _too_many_pixels(most)
    return picture


def require_size(size: int, limits: Limits = LIMITS) -> None:
    """Raises PictureError too_many_bytes for a file of more bytes than are accepted."""
    if size > limits.max_bytes:
        raise PictureError(
            "too_many_bytes",
            f"The file has {size:,} bytes; at most {limits.max_bytes:,} are accepted.",
        )


def _bytes_a_pixel(picture: Image.Image) -> int:
    if isinstance(picture, JpegImageFile):
        return BYTES_A_COEFFICIENT * len(picture.getbands())
    return BYTES_A_PIXEL.get(picture.format or "", 5)


def _too_many_pixels(most: int) -> PictureError:
    message = f"The picture has more than the {most:,} pixels that are accepted."
    return PictureError("too_many_pixels", message)


def _shrink(
    picture: Image.Image, size: int, room: Callable[[int], AbstractContextManager]
) -> np.ndarray:
    pixels = picture.width * picture.height
    needed = pixels * _bytes_a_pixel(picture)
    # A JPEG decodes straight to a half, a quarter or an eighth: at a third of the time, and the
    # discrete cosine transform averages as well as a filter would.
    picture.draft(None, (size, size))
    with room(needed) if pixels > SMALL else nullcontext():
        picture.load()
        stored = _orientation(picture)
        small = _resized(picture, size)
        picture.close()  # with its pixels, before the next one has its own
    small = on_white(small)
    way = UPRIGHT.get(stored)
    return np.asarray(small if way is None else small.transpose(way))


def _orientation(picture: Image.Image) -> int:
    # Pillow turns a TIFF by itself while it loads, and no other format.
    if picture.format == "TIFF":
        return 1
    try:
        return picture.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:  # data about the picture that is broken breaks no pixel: these are loaded
        return 1


def _resized(picture: Image.Image, size: int) -> Image.Image:
    """As `plain` gives it, size × size.

    A large one band by band, by the arithmetic of Pillow's own resize with a reducing_gap:
    converting it whole would copy it.
    """
    width, height = picture.size
    across, down = (int(side / size / REDUCING_GAP) or 1 for side in picture.size)
    rows = max(SMALL // width // down, 1) * down
    if height <= rows:
        return plain(picture).resize(
            (size, size), Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP
        )
    bands = [
        plain(picture.crop((0, top, width, min(top + rows, height)))).reduce((across, down))
        for top in range(0, height, rows)
    ]
    whole = Image.new(bands[0].mode, (bands[0].width, -(-height // down)))
    for i, band in enumerate(bands):
        whole.paste(band, (0, i * rows // down))
    box = (0, 0, width / across, height / down)
    return whole.resize((size, size), Image.Resampling.BICUBIC, box=box)


def plain(picture: Image.Image) -> Image.Image:
    """In mode RGB, or RGBa where it may be transparent: colours times opacity, which average as
    they would on white, so that only the small picture needs to be laid on it."""
    if picture.mode.startswith("I"):
        return _sixteen_to_eight_bits(picture).convert("RGB")
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        return _in_mode("RGBa", _in_mode("RGBA", picture))
    return _in_mode("RGB", picture)


def on_white(picture: Image.Image) -> Image.Image:
    """In mode RGB, whatever `plain` gave."""
    if picture.mode != "RGBa":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def _in_mode(mode: str, picture: Image.Image) -> Image.Image:
    """Pillow's own `convert` copies what has the mode already."""
    return picture if picture.mode == mode else picture.convert(mode)


def _sixteen_to_eight_bits(picture: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255 instead of scaling.
    values = np.asarray(picture).astype(np.int64).clip(0, 65535)
    return Image.fromarray((values // 257).astype(np.uint8))
