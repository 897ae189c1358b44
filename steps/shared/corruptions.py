"""Pictures made worse step by step, as cameras, networks and people do it."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from steps.served_model.pictures import open_picture

Change = Callable[[Image.Image, float], Image.Image]


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


def corrupt(data: bytes, name: str, level: float) -> bytes:
    """A picture file made worse, as a PNG: nothing else changes.

    data: any picture that is accepted. name, level: of CORRUPTIONS. Raises PictureError.
    """
    with open_picture(data) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    file = io.BytesIO()
    CORRUPTIONS[name].change(picture, level).convert("RGB").save(file, "PNG", compress_level=1)
    return file.getvalue()
