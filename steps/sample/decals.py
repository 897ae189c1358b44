"""Print on balls: numbers and invented brand names, drawn once and wrapped on the surface."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from steps.sample.arrays import Array, dot, vector

FONT_SIZE = 64
BRANDS = ("NOVA", "ARCO", "VELA", "ORBIT", "KITE", "LUMEN", "PIKE", "TERRA")
"""Invented names; none is meant to be a maker's."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow, at a size in pixels."""
    return ImageFont.load_default(size)


@cache
def print_of(text: str) -> Array:
    """Black on white as ink coverage in [0, 1], (h, w), with an empty rim."""
    left, top, right, bottom = font(FONT_SIZE).getbbox(text, stroke_width=2)
    rim = 4
    size = (int(right - left) + 2 * rim, int(bottom - top) + 2 * rim)
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    draw.text((rim - left, rim - top), text, fill=255, font=font(FONT_SIZE), stroke_width=2)
    ink = np.asarray(image, dtype=np.float32) / 255
    ink.setflags(write=False)
    return ink


def brand(rng: np.random.Generator) -> str:
    """One of the invented brand names."""
    return BRANDS[int(rng.integers(len(BRANDS)))]


def text_on(
    point: Array, text: str, centre: tuple[float, float, float],
    along: tuple[float, float, float], height: float,
) -> Array:  # fmt: skip
    """Ink coverage (h, w) of `text` laid on the side `centre` of an object.

    point: (3, h, w) object coordinates; along: the direction in which one reads; height: of the
    letters, in object radii.
    """
    outward, reading = vector(centre), vector(along)
    rising = np.cross(outward, reading)
    ink = print_of(text)
    scale = ink.shape[0] / height
    column = dot(reading, point) * scale + ink.shape[1] / 2
    row = ink.shape[0] / 2 - dot(rising, point) * scale
    return _sampled(ink, row, column) * (dot(outward, point) > 0.2)


def _sampled(ink: Array, row: Array, column: Array) -> Array:
    rows = np.clip(row, 0, ink.shape[0] - 1).astype(np.int32)
    columns = np.clip(column, 0, ink.shape[1] - 1).astype(np.int32)
    # The rim of a print is empty, so that clamping to it leaves everything outside blank.
    return ink[rows, columns]
