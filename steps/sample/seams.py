"""The curves along which balls are sewn, as signed distances on the unit sphere."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from steps.sample.arrays import Array, inner
from steps.sample.lookup import NearestPoint

# Kaleidoscope of the icosahedron: folding by these mirrors leaves one 120th of the sphere, with a
# 5-fold, a 3-fold and a 2-fold axis at its corners (Coxeter; the mirrors x, y and MIRROR).
_COSINE = float(np.cos(np.pi / 5))
_RISE = float(np.sqrt(0.75 - _COSINE**2))
MIRROR = np.array([-0.5, -_COSINE, _RISE], dtype=np.float32)
FIVEFOLD = np.array([_RISE, 0.0, 0.5]) / np.hypot(_RISE, 0.5)
THREEFOLD = np.array([0.0, _RISE, _COSINE]) / np.hypot(_RISE, _COSINE)


def folded(point: Array) -> Array:
    """Points (3, ...) of the sphere folded to one 120th of it by the icosahedron's mirrors."""
    x, y, z = point.copy()
    for _ in range(5):
        np.abs(x, out=x)
        np.abs(y, out=y)
        over = 2.0 * np.minimum(MIRROR[0] * x + MIRROR[1] * y + MIRROR[2] * z, 0.0)
        x -= MIRROR[0] * over
        y -= MIRROR[1] * over
        z -= MIRROR[2] * over
    return np.stack([x, y, z])


@cache
def pentagon_edge() -> Array:
    """Normal (3,) of the plane through a pentagon's edge, pointing into the pentagon.

    An edge of the truncated icosahedron starts a third along an edge of the icosahedron, from
    one 5-fold axis to the next, and its middle is on the mirror from 5-fold to 3-fold axis.
    """
    neighbour = FIVEFOLD * np.array([-1, 1, 1])
    corner = (2 * FIVEFOLD + neighbour) / 3
    normal = FIVEFOLD * (THREEFOLD @ corner) - THREEFOLD * (FIVEFOLD @ corner)
    return (normal / np.linalg.norm(normal)).astype(np.float32)


@dataclass(frozen=True)
class SeamCurve:
    """The closed curve of a tennis ball or a baseball.

    t -> (a cos t + b cos 3t, a sin t - b sin 3t, c sin 2t), with a + b = 1 and c = 2 sqrt(ab), lies
    on the unit sphere; turned by 45 degrees, it is close to z = k (x2 - y2) with k chosen so that
    both peak at the same height.
    """

    a: float

    @property
    def peak(self) -> float:
        """Height of the curve over its equator, in radii."""
        return 2 * float(np.sqrt(self.a * (1 - self.a)))

    def distance(self, point: Array) -> Array:
        """Signed distance (h, w) from points (3, h, w), to first order: exact at the curve."""
        x, y, z = point
        k = self.peak / (1 - self.peak**2)
        value = z - k * (x * x - y * y)
        # Slope of `value` along the sphere: its gradient less the part along the point.
        radial = z - 2 * k * (x * x - y * y)
        slope = 1.0 + (4 * k * k) * (x * x + y * y) - radial * radial
        return value / np.sqrt(np.maximum(slope, 1e-3))

    def sampled(self, count: int) -> tuple[Array, Array, Array]:
        """Points (3, count) of z = k (x2 - y2), unit tangents (3, count), arc length (count,)."""
        k = self.peak / (1 - self.peak**2)
        angle = np.linspace(0, 2 * np.pi, 40 * count + 1)
        slant = k * np.cos(2 * angle)
        # On the sphere z = slant * rho2 and rho2 = 1 - z2, a quadratic in z.
        z = np.where(
            np.abs(slant) < 1e-9, 0.0,
            (np.sqrt(1 + 4 * slant**2) - 1) / (2 * np.where(slant == 0, 1, slant)),
        )  # fmt: skip
        rho = np.sqrt(1 - z * z)
        curve = np.stack([rho * np.cos(angle), rho * np.sin(angle), z])
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve), axis=0))])
        even = np.linspace(0, length[-1], count, endpoint=False)
        points = np.stack([np.interp(even, length, row) for row in curve])
        ahead = np.roll(points, -1, axis=1) - np.roll(points, 1, axis=1)
        tangents = ahead / np.linalg.norm(ahead, axis=0)
        return points.astype(np.float32), tangents.astype(np.float32), even.astype(np.float32)


BASEBALL = SeamCurve(0.67)
TENNIS = SeamCurve(0.74)


@cache
def _samples(curve: SeamCurve) -> tuple[NearestPoint, Array, Array]:
    points, tangents, length = curve.sampled(160)
    return NearestPoint.among(points), tangents, length


def along_seam(curve: SeamCurve, point: Array) -> Array:
    """Arc length (n,), in radii, of the place on a seam that is nearest to points (3, n)."""
    samples, tangents, length = _samples(curve)
    nearest = samples.index(point)
    offset = inner(point - samples.points[:, nearest], tangents[:, nearest])
    return length[nearest] + offset
