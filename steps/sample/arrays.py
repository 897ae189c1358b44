"""Names and small helpers for the float32 arrays that every part of the renderer passes on.

Pixels are channel-first: a field is (h, w), a vector or colour field is (3, h, w), so that each
component is contiguous and NumPy runs through it at full speed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
"""float32 wherever there is one value a pixel; a few constants are float64."""
Mask = NDArray[np.bool_]


def vector(values: Sequence[float] | NDArray) -> Array:
    """The unit vector along three numbers, (3,) float32."""
    array = np.asarray(values, dtype=np.float32)
    return array / np.float32(np.linalg.norm(array))


def dot(constant: Sequence[float] | NDArray, field: Array) -> Array:
    """Dot product of one vector (3,) with a field of vectors (3, ...): (...)."""
    a, b, c = (float(value) for value in constant)
    return a * field[0] + b * field[1] + c * field[2]


def inner(a: Array, b: Array) -> Array:
    """Dot product of two fields of vectors, each (3, ...): (...)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def transform(matrix: NDArray, field: Array) -> Array:
    """A 3 x 3 matrix applied to a field of vectors (3, ...).

    Written out rather than `@`, because BLAS may round differently with another thread count
    and a picture has to be the same bytes however many workers there are.
    """
    return np.stack([dot(row, field) for row in matrix])


def normalised(field: Array) -> Array:
    """A field of vectors (3, ...) scaled to length one; zero vectors stay zero."""
    return field / np.sqrt(np.maximum(inner(field, field), 1e-12))


def ramp(field: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, straight between; `high` below `low` turns it round."""
    # Plain floats, because a float64 scalar would turn a float32 field into float64.
    return np.clip((field - float(low)) * float(1.0 / (high - low)), 0.0, 1.0)


def stroke(distance: Array, half_width: float, soft: float = 0.01) -> Array:
    """How much a line covers, in [0, 1], at a distance from its middle; edges `soft` wide."""
    return ramp(np.abs(distance), half_width + soft, half_width - soft)


def cycle(field: Array) -> Array:
    """Signed distance, in [-0.5, 0.5], to the nearest whole number: the base of repeats."""
    return field - np.round(field)


def expand(colour: Array) -> Array:
    """A colour (3,) as (3, 1, 1), ready to meet a field; fields pass unchanged."""
    return colour[:, None, None] if colour.ndim == 1 else colour


def mix(under: Array, over: Array, weight: Array) -> Array:
    """`over` laid on `under` by a weight (h, w) in [0, 1]; colours (3,) or (3, h, w)."""
    base = expand(under)
    return base + (expand(over) - base) * weight
