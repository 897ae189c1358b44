"""How a ball lies: random rotations from object to camera coordinates.

Camera coordinates: x right, y up, z towards the viewer. A pose takes the camera's `up` (3,), the
world's vertical seen from the tilted camera, and returns a 3 x 3 rotation whose columns are the
object's axes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from steps.sample.arrays import Array, vector

Pose = Callable[[np.random.Generator, Array], NDArray]
VIEWER = np.array([0.0, 0.0, 1.0], dtype=np.float32)


def aligned(axis: Array, target: Array, roll: float) -> NDArray:
    """The rotation (3, 3) that takes `axis` to `target`, then turns by `roll` radians about it."""
    return _frame(target, roll) @ _frame(axis, 0.0).T


def _frame(axis: Array, roll: float) -> NDArray:
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    first = vector(np.cross(helper, axis))
    second = np.cross(axis, first)
    cosine, sine = np.cos(roll), np.sin(roll)
    return np.column_stack([cosine * first + sine * second, cosine * second - sine * first, axis])


def near(target: Array, spread: float, rng: np.random.Generator) -> Array:
    """A unit vector within about `spread` radians of the unit vector `target`."""
    sideways = vector(np.cross(target, rng.normal(size=3)))
    angle = spread * np.sqrt(rng.random())
    return vector(np.cos(angle) * target + np.sin(angle) * sideways)


def free(rng: np.random.Generator, up: Array) -> NDArray:
    """Any rotation, uniformly."""
    return aligned(VIEWER, vector(rng.normal(size=3)), rng.uniform(0, 2 * np.pi))


def facing(axis: tuple[float, float, float], spread_deg: float, roll_deg: float = 180.0) -> Pose:
    """Poses that show the side `axis` to the viewer, off by at most an angle, rolled at random."""

    def pose(rng: np.random.Generator, up: Array) -> NDArray:
        target = near(VIEWER, np.radians(spread_deg), rng)
        return aligned(vector(axis), target, np.radians(rng.uniform(-roll_deg, roll_deg)))

    return pose


def lying(rng: np.random.Generator, up: Array) -> NDArray:
    """Long axis x along the ground, at most 50 degrees from square to the viewer; z up, about."""
    right, away = vector([1, 0, 0]), vector(np.cross(up, [1, 0, 0]))
    heading = np.radians(rng.uniform(-50, 50)) + np.pi * rng.integers(2)
    long = vector(np.cos(heading) * right + np.sin(heading) * away + rng.normal(0, 0.1) * up)
    top = near(vector(up + 0.9 * VIEWER), np.radians(40), rng)
    third = vector(np.cross(top, long))
    return np.column_stack([long, third, np.cross(long, third)])


def flat(rng: np.random.Generator, up: Array) -> NDArray:
    """Axis z upright, as a puck that slides; one in six stands on its edge."""
    if rng.random() < 1 / 6:
        side = vector(VIEWER - up * up[2])
        sideways = vector(np.cross(up, side))
        axis = vector(side + rng.uniform(-0.9, 0.9) * sideways)
        return aligned(vector([0, 0, 1]), axis, rng.uniform(0, 6))
    return aligned(vector([0, 0, 1]), near(up, 0.06, rng), rng.uniform(0, 6))


def sideways(rng: np.random.Generator, up: Array) -> NDArray:
    """Axis z in the plane of the picture, about: seen from the side, either end a little nearer."""
    angle = rng.uniform(0, 2 * np.pi)
    axis = vector([np.cos(angle), np.sin(angle), rng.uniform(-0.55, 0.65)])
    return aligned(vector([0, 0, 1]), axis, rng.uniform(0, 6))
