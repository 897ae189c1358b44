"""Which of many points on the sphere is nearest: tabulated once, then looked up for each pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steps.sample.arrays import Array

ROWS, COLUMNS = 128, 256
"""Cells of the table over z and azimuth, all of the same area."""


@dataclass(frozen=True)
class NearestPoint:
    """A table to the nearest of some points (3, n) on the unit sphere, off by half a cell."""

    points: Array
    table: NDArray[np.int32]

    @classmethod
    def among(cls, points: Array) -> "NearestPoint":
        """Tabulate the points (3, n): 33 thousand cells times n distances, once a process."""
        z = (np.arange(ROWS) + 0.5) * (2 / ROWS) - 1
        azimuth = (np.arange(COLUMNS) + 0.5) * (2 * np.pi / COLUMNS)
        # A row at a time: BLAS would spread a larger product over threads that workers compete for.
        cells = (on_sphere(np.full(COLUMNS, height), azimuth) for height in z)
        rows = [np.argmax(row.T @ points, axis=1) for row in cells]
        return cls(points, np.stack(rows).astype(np.int32))

    def index(self, place: Array) -> NDArray[np.int32]:
        """Index (...) of the point that is nearest to places (3, ...)."""
        turn = np.arctan2(place[1], place[0]) * (COLUMNS / (2 * np.pi)) + COLUMNS
        band = np.clip((place[2] * 0.5 + 0.5) * ROWS, 0, ROWS - 1)
        return self.table[band.astype(np.int32), turn.astype(np.int32) % COLUMNS]


def on_sphere(z: Array, azimuth: Array) -> Array:
    """Points (3, n) float32 of the unit sphere from height and azimuth in radians, each (n,)."""
    rho = np.sqrt(1 - z * z)
    return np.stack([rho * np.cos(azimuth), rho * np.sin(azimuth), z]).astype(np.float32)


def fibonacci_lattice(count: int) -> Array:
    """Points (3, count) spread evenly over the sphere along a spiral of golden angles."""
    index = np.arange(count) + 0.5
    return on_sphere(1 - 2 * index / count, index * np.pi * (3 - np.sqrt(5)))
