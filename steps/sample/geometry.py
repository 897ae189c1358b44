"""The solids that balls are made of, and where rays meet them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from steps.sample.arrays import Array, Mask, dot, inner, normalised, ramp

STEPS, GRAZING_STEPS = 6, 12
"""Steps of a traced ray, and further ones of those that have not arrived by then."""
SURFACE = 2e-3
"""Distance, in object radii, under which a traced ray has arrived."""


@dataclass(frozen=True)
class Hit:
    """Where rays meet a surface, in object coordinates.

    point and normal: (3, h, w); depth along the ray: (h, w); inside: (h, w), false where a ray
    misses (its other values are then finite but mean nothing).
    """

    point: Array
    normal: Array
    depth: Array
    inside: Mask


class Shape(Protocol):
    """A solid about the origin, within the unit sphere."""

    @property
    def axes(self) -> tuple[float, float, float]:
        """Half-axes of the ellipsoid that casts its shadow."""

    def intersect(self, origin: Array, direction: Array) -> list[Hit]:
        """Surfaces that rays meet, nearest first; origin: (3,), direction: (3, h, w), unit."""

    def support(self, direction: Array) -> float:
        """How far the solid reaches along a unit vector (3,)."""


@dataclass(frozen=True)
class Ellipsoid:
    """Sphere or ellipsoid with its half-axes along x, y and z."""

    axes: tuple[float, float, float] = (1.0, 1.0, 1.0)
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def intersect(self, origin: Array, direction: Array) -> list[Hit]:
        """One hit, the nearer root of the quadratic of a unit sphere in scaled space."""
        scale = 1 / np.array(self.axes, dtype=np.float32)
        start = (origin - np.array(self.centre, dtype=np.float32)) * scale
        ray = direction * scale[:, None, None]
        a, b = inner(ray, ray), dot(start, ray)
        discriminant = b * b - a * (float(start @ start) - 1.0)
        depth = (-b - np.sqrt(np.maximum(discriminant, 0.0))) / a
        ball = start[:, None, None] + depth * ray
        normal = ball if len(set(self.axes)) == 1 else ball * scale[:, None, None]
        point = ball / scale[:, None, None] + np.array(self.centre, np.float32)[:, None, None]
        return [Hit(point, normalised(normal), depth, discriminant > 0)]

    def support(self, direction: Array) -> float:
        return float(np.linalg.norm(direction * self.axes) + direction @ np.array(self.centre))


@dataclass(frozen=True)
class Frustum:
    """Open side of a cone along z: both of its walls are hit, as light passes through a skirt."""

    low: float
    high: float
    low_radius: float
    high_radius: float

    @property
    def axes(self) -> tuple[float, float, float]:
        """Half-axes of the ellipsoid that casts its shadow."""
        return self.high_radius * 0.8, self.high_radius * 0.8, 1.0

    def intersect(self, origin: Array, direction: Array) -> list[Hit]:
        """Two hits, near and far wall: roots of x2 + y2 = (low_radius + slope (z - low))2."""
        slope = (self.high_radius - self.low_radius) / (self.high - self.low)
        apex = self.low - self.low_radius / slope
        start = np.array([origin[0], origin[1], slope * (origin[2] - apex)], dtype=np.float32)
        x, y, z = direction[0], direction[1], slope * direction[2]
        a = x * x + y * y - z * z
        a = np.where(np.abs(a) < 1e-5, np.float32(1e-5), a)
        b = start[0] * x + start[1] * y - start[2] * z
        c = float(start[0] ** 2 + start[1] ** 2 - start[2] ** 2)
        discriminant = b * b - a * c
        root = np.sqrt(np.maximum(discriminant, 0.0))
        roots = (-b - root) / a, (-b + root) / a
        ordered = np.minimum(*roots), np.maximum(*roots)
        return [self._hit(origin, direction, t, discriminant > 0, slope) for t in ordered]

    def _hit(self, origin: Array, direction: Array, depth: Array, real: Mask, slope: float) -> Hit:
        depth = np.clip(depth, 0.0, 100.0)
        point = origin[:, None, None] + depth * direction
        inside = real & (point[2] > self.low) & (point[2] < self.high)
        radius = np.sqrt(point[0] ** 2 + point[1] ** 2) + 1e-6
        outward = np.stack([point[0] / radius, point[1] / radius, np.full_like(radius, -slope)])
        # The inner wall is seen from behind: its normal has to face the ray as well.
        facing = np.where(inner(outward, direction) > 0, np.float32(-1), np.float32(1))
        return Hit(point, normalised(outward) * facing, depth, inside)

    def support(self, direction: Array) -> float:
        side = float(np.hypot(direction[0], direction[1]))
        ends = ((self.low, self.low_radius), (self.high, self.high_radius))
        return max(float(direction[2]) * z + side * radius for z, radius in ends)


@dataclass(frozen=True)
class Spindle:
    """A circular arc turned about the x axis: pointed at both ends, as an American football."""

    waist: float = 0.6
    tip: float = 0.06
    """Radius of the rounding, in object radii."""

    @property
    def axes(self) -> tuple[float, float, float]:
        """Half-axes of the ellipsoid that casts its shadow."""
        return 0.97, self.waist * 0.97, self.waist * 0.97

    def _arc(self) -> tuple[float, float, float]:
        half, waist = 1.0 - self.tip, self.waist - self.tip
        radius = (half * half + waist * waist) / (2 * waist)
        return half, radius, radius - waist

    def distance(self, point: Array) -> Array:
        """Signed distance (n,) from points (3, n): the vesica of Quilez, turned about its axis."""
        half, radius, offset = self._arc()
        along = np.abs(point[0])
        across = np.sqrt(point[1] ** 2 + point[2] ** 2)
        to_tip = np.sqrt((along - half) ** 2 + across**2)
        to_arc = np.sqrt(along**2 + (across + offset) ** 2) - radius
        return np.where((along - half) * offset > across * half, to_tip, to_arc) - self.tip

    def intersect(self, origin: Array, direction: Array) -> list[Hit]:
        """One hit, by sphere tracing."""
        return [_trace(self.distance, Ellipsoid((1.02, self.waist * 1.04, self.waist * 1.04)),
                       origin, direction)]  # fmt: skip

    def support(self, direction: Array) -> float:
        half, radius, offset = self._arc()
        along, side = abs(float(direction[0])), float(np.hypot(direction[1], direction[2]))
        reach = radius - offset * side if radius * along < half else half * along
        return reach + self.tip


@dataclass(frozen=True)
class Disc:
    """A short cylinder along z, as a puck; its edge is rounded in the shading only."""

    half_height: float = 1 / 3
    edge: float = 0.06
    """Width of the rounding, in object radii."""

    @property
    def axes(self) -> tuple[float, float, float]:
        """Half-axes of the ellipsoid that casts its shadow."""
        return 1.0, 1.0, self.half_height * 1.25

    def intersect(self, origin: Array, direction: Array) -> list[Hit]:
        """One hit: the later entrance of two, into the slab |z| < half_height and the tube."""
        x, y, z = direction
        a = np.maximum(x * x + y * y, 1e-9)
        b = origin[0] * x + origin[1] * y
        discriminant = b * b - a * float(origin[0] ** 2 + origin[1] ** 2 - 1)
        root = np.sqrt(np.maximum(discriminant, 0.0))
        tube_in, tube_out = (-b - root) / a, (-b + root) / a
        steep = np.where(np.abs(z) < 1e-6, np.float32(1e-6), z)
        faces = np.stack([(-side * self.half_height - origin[2]) / steep for side in (1, -1)])
        slab_in, slab_out = faces.min(axis=0), faces.max(axis=0)
        depth = np.maximum(tube_in, slab_in)
        inside = (discriminant > 0) & (depth < np.minimum(tube_out, slab_out))
        point = np.clip(origin[:, None, None] + depth * direction, -1.5, 1.5)
        return [Hit(point, self._normal(point, slab_in > tube_in), depth, inside)]

    def _normal(self, point: Array, on_face: Mask) -> Array:
        radius = np.maximum(np.hypot(point[0], point[1]), 1e-6)
        rounding = np.where(
            on_face,
            1.0 - 0.5 * ramp(radius, 1.0 - self.edge, 1.0),
            0.5 * ramp(np.abs(point[2]), self.half_height - self.edge, self.half_height),
        )
        outward = (1.0 - rounding) / radius
        return normalised(
            np.stack([point[0] * outward, point[1] * outward, np.sign(point[2]) * rounding])
        )

    def support(self, direction: Array) -> float:
        side = float(np.hypot(direction[0], direction[1]))
        return side + self.half_height * abs(float(direction[2]))


def _trace(
    distance: Callable[[Array], Array], bound: Ellipsoid, origin: Array, direction: Array
) -> Hit:
    """Sphere tracing (Hart 1996) from the hull `bound` inwards, only where rays meet the hull."""
    hull = bound.intersect(origin, direction)[0]
    met = hull.inside.copy()
    rays, depth = direction[:, met], hull.depth[met]
    gap = _march(distance, origin, rays, depth, STEPS)
    grazing = gap > SURFACE
    rest = depth[grazing]
    gap[grazing] = _march(distance, origin, rays[:, grazing], rest, GRAZING_STEPS)
    depth[grazing] = rest
    point = origin[:, None] + depth * rays
    hull.depth[met], hull.point[:, met] = depth, point
    hull.normal[:, met] = _gradient(distance, point)
    hull.inside[met] = gap < SURFACE
    return hull


def _march(
    distance: Callable[[Array], Array], origin: Array, rays: Array, depth: Array, steps: int
) -> Array:
    """Advance `depth` (n,) in place by the distance to the surface, and return the last one."""
    for _ in range(steps):
        gap = distance(origin[:, None] + depth * rays)
        depth += gap
    return gap


def _gradient(distance: Callable[[Array], Array], point: Array, step: float = 2e-3) -> Array:
    here = distance(point)
    ahead = [distance(point + step * np.eye(3, dtype=np.float32)[:, i : i + 1]) for i in range(3)]
    return normalised(np.stack(ahead) - here)
