"""Pictures made worse step by step, as cameras, networks and people do it.

The kinds follow Hendrycks and Dietterich (2019), with the rotations and crops of a hand-held
camera added; the levels run from hardly seen to hardly recognised.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from steps.served_model.pictures import on_white, open_picture, plain

Change = Callable[[Image.Image, float], Image.Image]

SIDE = 384
"""Longest side in pixels at which pictures are spoilt: well above what networks take in, and a
photograph of 12 megapixels would need seconds a step and, noisy, exceed what a model accepts."""


@dataclass(frozen=True)
class Corruption:
    """One way to spoil a picture, and how far, mildest first."""

    change: Change
    levels: tuple[float, ...]
    unit: str


def _blur(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius * max(picture.size) / 256))


def _noise(picture: Image.Image, deviation: float) -> Image.Image:
    pixels = np.asarray(picture, np.float32)
    noise = np.random.default_rng(picture.size).normal(0, deviation, pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def _rotate(picture: Image.Image, degrees: float) -> Image.Image:
    return picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")


def _crop(picture: Image.Image, share: float) -> Image.Image:
    width, height = (max(1, round(side * share)) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _jpeg(picture: Image.Image, quality: float) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(quality))
    return Image.open(file)


CORRUPTIONS = {
    "JPEG": Corruption(_jpeg, (50, 20, 10, 5), "quality"),
    "blur": Corruption(_blur, (1, 2, 4, 8), "pixels of 256"),
    "noise": Corruption(_noise, (10, 20, 40, 80), "deviation of 255"),
    "rotation": Corruption(_rotate, (15, 30, 60, 90), "degrees"),
    "crop": Corruption(_crop, (0.9, 0.75, 0.6, 0.4), "share of each side"),
}


def reduced(data: bytes) -> bytes:
    """A picture file upright, at most SIDE pixels a side, as a PNG. Raises PictureError."""
    with open_picture(data) as opened:
        opened.draft("RGB", (SIDE, SIDE))  # a JPEG decodes straight to a half, a quarter, …
        picture = _seen(opened)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
    return _png(picture)


def corrupt(data: bytes, name: str, level: float) -> bytes:
    """A picture file made worse, as a PNG: nothing else changes.

    data: any picture that is accepted. name, level: of CORRUPTIONS. Raises PictureError.
    """
    with open_picture(data) as opened:
        picture = _seen(opened)
    return _png(CORRUPTIONS[name].change(picture, level).convert("RGB"))


def _seen(opened: Image.Image) -> Image.Image:
    """Upright and in RGB, transparency on white and 16 bits scaled to 8, as a model sees it."""
    return on_white(plain(ImageOps.exif_transpose(opened)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
