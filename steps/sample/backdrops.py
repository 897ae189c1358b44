"""What is behind the ground, or behind a ball in the air: light that needs no shading."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from steps.sample.arrays import Array, mix
from steps.sample.colour import DECODE_TABLE, any_colour, eight_bit, hue, pick


def gradient(size: int, rng: np.random.Generator) -> Array:
    """Two related colours, one above the other: (3, size, size) linear."""
    top = any_colour(rng, rng.uniform(0, 0.6))
    bottom = np.clip(top * rng.uniform(0.4, 1.7), 0, 1).astype(np.float32)
    return _vertical(size, top, bottom)


def sky(size: int, rng: np.random.Generator) -> Array:
    """A clear or hazy sky: (3, size, size) linear."""
    top = pick(("#4f8fd6", "#6fa8dc", "#8fa3b5", "#3f7cc4"), rng)
    return _vertical(size, top, pick(("#cfe2f2", "#e6eaec", "#b9d3ea"), rng, 0.04))


def studio_wall(size: int, rng: np.random.Generator) -> Array:
    """White or grey, without a shadow, as in a shop's catalogue: (3, size, size) linear."""
    wall = pick(("#ffffff", "#fafafa", "#eef0f2", "#d5d8dc", "#3a3d42"), rng, 0.03)
    return _vertical(size, wall, np.clip(wall * np.float32(0.93), 0, 1))


def blobs(size: int, rng: np.random.Generator) -> Array:
    """A stand or a hall far out of focus: (3, size, size) linear."""
    image = Image.new("RGB", (64, 64), eight_bit(any_colour(rng, 0.4) * np.float32(0.4)))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(14, 36))):
        x, y, radius = rng.uniform(0, 64), rng.uniform(0, 64), rng.uniform(2, 9)
        colour = eight_bit(any_colour(rng, rng.uniform(0.1, 0.7)))
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 4)))
    image = image.resize((size, size), Image.Resampling.BICUBIC)
    return DECODE_TABLE[np.moveaxis(np.asarray(image), 2, 0)]


def foliage(size: int, rng: np.random.Generator) -> Array:
    """Trees out of focus behind a lawn: (3, size, size) linear."""
    trees = blobs(size, rng).mean(axis=0)
    return mix(hue("#16240f"), hue("#7f9d5a"), np.clip(1.6 * trees, 0, 1))


BACKDROPS = (gradient, sky, studio_wall, blobs, blobs)
"""Behind balls in the air; a repeated one is as much more likely."""


def _vertical(size: int, top: Array, bottom: Array) -> Array:
    weight = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    return np.broadcast_to(mix(top, bottom, weight), (3, size, size))
