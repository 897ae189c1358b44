"""Band-limited noise: in space for leather and marble, on the picture for sand and felt."""

import numpy as np
from PIL import Image

from steps.sample.arrays import Array, dot


def waves(point: Array, rng: np.random.Generator, frequency: float, count: int = 6) -> Array:
    """Noise of one scale as a sum of plane waves in random directions, about N(0, 1/2).

    point: (3, ...), in object radii; frequency: radians per radius. Waves cost a few sines where
    lattice noise costs eight look-ups a point, and they never alias to a grid.
    """
    total = np.zeros(point.shape[1:], dtype=np.float32)
    for _ in range(count):
        direction = rng.normal(size=3)
        direction *= frequency * rng.uniform(0.7, 1.3) / np.linalg.norm(direction)
        total += np.sin(dot(direction, point) + rng.uniform(0, 2 * np.pi))
    return total * np.float32(1 / np.sqrt(count))


def grain(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """White noise N(0, 1), float32."""
    return rng.standard_normal(shape, dtype=np.float32)


def cloud(
    shape: tuple[int, int], rng: np.random.Generator, cell: float, stretch: float = 1.0
) -> Array:
    """Smooth noise over a picture (h, w), about N(0, 1).

    cell: its scale in pixels; stretch: how many times wider than high a cell is, as where the
    ground is seen at a low angle.
    """
    height, width = shape
    small = (max(2, round(height / cell * stretch) + 2), max(2, round(width / cell) + 2))
    lattice = Image.fromarray(grain(small, rng))
    return np.asarray(lattice.resize((width, height), Image.Resampling.BICUBIC))
