"""Decodes and resizes pictures: the one way in, for training and for serving alike."""

import io
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image

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


LIMITS = Limits()

LARGE = 16_000_000
"""Pixels above which a picture waits for its turn: each takes up to 8 bytes."""


def decode(
    data: bytes,
    size: int,
    limits: Limits = LIMITS,
    turn: AbstractContextManager = nullcontext(),  # noqa: B008 - it has no state
) -> np.ndarray:
    """Turn an encoded picture into the network's input.

    data: a JPEG, PNG, WebP, GIF (first frame), BMP or TIFF (first page).
    size: side in pixels; the whole picture is scaled to size × size, aspect not kept.
    turn: a lock that threads share, so that they decode pictures above LARGE one at a time.
    Returns (size, size, 3) uint8 RGB: upright, transparency laid on white, 16 bits scaled to 8.
    Raises PictureError with code empty, too_many_bytes, not_an_image, too_many_pixels or damaged.
    """
    with open_picture(data, limits) as picture:
        try:
            return _shrink(picture, size, turn)
        except PictureError:
            raise
        except Exception as error:  # each codec has exceptions of its own, none of them documented
            raise PictureError("damaged", "The picture is damaged or incomplete.") from error


def open_picture(data: bytes, limits: Limits = LIMITS) -> Image.Image:
    """Read a picture's header only, and hold it against the limits. Raises as `decode` does."""
    if not data:
        raise PictureError("empty", "The file is empty (0 bytes).")
    if len(data) > limits.max_bytes:
        raise PictureError(
            "too_many_bytes",
            f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own, higher pixel limit; broken metadata
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits) from error
    except Exception as error:
        raise PictureError(
            "not_an_image", "The file is not a JPEG, PNG, WebP, GIF, BMP or TIFF picture."
        ) from error
    if picture.width * picture.height > limits.max_pixels:
        raise _too_many_pixels(limits)
    return picture


def _too_many_pixels(limits: Limits) -> PictureError:
    message = f"The picture has more than the {limits.max_pixels:,} pixels that are accepted."
    return PictureError("too_many_pixels", message)


def _shrink(picture: Image.Image, size: int, turn: AbstractContextManager) -> np.ndarray:
    large = picture.width * picture.height > LARGE
    # A JPEG decodes straight to a half, a quarter or an eighth: at a third of the time, and the
    # discrete cosine transform averages as well as a filter would.
    picture.draft(None, (size, size))
    with turn if large else nullcontext():
        # Pillow turns a TIFF by itself while it loads, and no other format.
        stored = 1 if picture.format == "TIFF" else picture.getexif().get(EXIF_ORIENTATION, 1)
        small = plain(picture).resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
        picture.close()  # with its pixels, before the next large one has its own
    small = on_white(small)
    way = UPRIGHT.get(stored)
    return np.asarray(small if way is None else small.transpose(way))


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
