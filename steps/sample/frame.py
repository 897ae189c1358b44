"""The picture's frame: where the ball is in it, how the camera is tilted, what each pixel sees.

The unit of length is the ball's radius (half the length of a long one), and the ball is at the
origin. The camera is at (0, 0, DISTANCE), and its lens is shifted rather than turned, so that a
sphere stays round wherever it is in the frame.
"""

from dataclasses import dataclass

import numpy as np

from steps.sample.arrays import Array, normalised

DISTANCE = 7.0
"""From the camera to the ball, in radii: a short telephoto lens."""
SUPERSAMPLE = 2
"""Rays along each side of a pixel, on the ball."""


@dataclass(frozen=True)
class Box:
    """Columns and rows of a part of the frame, in pixels, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Frame:
    """size: of the square picture; x, y: the ball's centre; radius: the ball's; all in pixels.

    pitch: how far the camera looks down, in radians.
    """

    size: int
    x: float
    y: float
    radius: float
    pitch: float

    @property
    def up(self) -> Array:
        """The world's vertical in camera coordinates, (3,)."""
        return np.array([0, np.cos(self.pitch), np.sin(self.pitch)], dtype=np.float32)

    @property
    def eye(self) -> Array:
        """Where the camera is, (3,)."""
        return np.array([0, 0, DISTANCE], dtype=np.float32)

    def rays(self, box: Box, samples: int) -> Array:
        """Unit directions (3, h, w) through a box, `samples` along each side of a pixel."""
        columns = np.arange(box.left * samples, box.right * samples, dtype=np.float32)
        rows = np.arange(box.top * samples, box.bottom * samples, dtype=np.float32)
        x = ((columns + 0.5) / samples - self.x) / self.radius
        y = (self.y - (rows + 0.5) / samples) / self.radius
        across, upward = np.meshgrid(x, y)
        return normalised(np.stack([across, upward, np.full_like(across, -DISTANCE)]))

    def whole(self) -> Box:
        """The box of the whole picture."""
        return Box(0, 0, self.size, self.size)

    def around(self, right: float, left: float, top: float, bottom: float) -> Box | None:
        """The box that reaches so many radii from the ball's centre, or None if out of frame."""
        box = Box(
            max(0, int(self.x - left * self.radius) - 1),
            max(0, int(self.y - top * self.radius) - 1),
            min(self.size, int(self.x + right * self.radius) + 2),
            min(self.size, int(self.y + bottom * self.radius) + 2),
        )
        return box if box.left < box.right and box.top < box.bottom else None
