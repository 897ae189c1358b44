"""A picture of a ball: frame, pose, ground, light, shadow, ball, in this order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from steps.sample.arrays import Array, dot, expand, inner, mix, ramp, transform
from steps.sample.colour import shade_of
from steps.sample.frame import DISTANCE, SUPERSAMPLE, Box, Frame
from steps.sample.geometry import Hit
from steps.sample.grounds import Ground, Plane, draw_blades, grass
from steps.sample.kinds import BallKind, backdrop_of, kind_of
from steps.sample.lens import photograph
from steps.sample.shading import Light, Paint, bumped, random_light, shade

MINIMUM_SIZE = 16
"""Pixels; a smaller ball shows no pattern."""
BELOW = -1e-3
"""A ray that points lower than this meets the ground."""


def render(category: str, rng: np.random.Generator, size: int = 192) -> Image.Image:
    """One RGB picture, size x size pixels, of a ball of the category; all chance is from `rng`.

    Raises ValueError where the category is unknown, or size is under 16.
    """
    kind = kind_of(category)
    if size < MINIMUM_SIZE:
        raise ValueError(f"size {size} is too small: expected at least {MINIMUM_SIZE} pixels")
    frame = random_frame(kind, rng, size)
    pose = kind.pose(rng, frame.up).astype(np.float32)
    airborne = rng.random() < kind.airborne
    ground = None if airborne else kind.grounds[int(rng.integers(len(kind.grounds)))]
    radiance, light = _surroundings(kind, frame, pose, ground, rng)
    radiance = _with_ball(radiance, kind, frame, pose, light, rng)
    image = photograph(radiance, rng)
    return _with_fringe(image, frame, rng) if ground is grass else image


def random_frame(kind: BallKind, rng: np.random.Generator, size: int) -> Frame:
    """A frame that holds nearly all of the ball, seen from 10 to 55 degrees above."""
    radius = size * min(0.46, rng.uniform(0.22, 0.41) * kind.size)
    room = 0.5 * size - 0.85 * radius
    x, y = 0.5 * size + np.clip(rng.normal(0, 0.07 * size, 2), -room, room)
    return Frame(size, float(x), float(y), radius, np.radians(rng.uniform(10, 55)))


def _surroundings(
    kind: BallKind, frame: Frame, pose: NDArray, ground: Ground | None, rng: np.random.Generator
) -> tuple[Array, Light]:
    """Radiance (3, size, size) of everything but the ball, and the light that falls on the ball."""
    backdrop = backdrop_of(ground, rng, frame.size)
    if ground is None:
        return backdrop, random_light(rng, frame.up, backdrop.mean(axis=(1, 2)))
    down = pose.T @ -frame.up
    height = max(shape.support(down) for shape, _ in kind.parts)
    rays = frame.rays(frame.whole(), 1)
    descent = dot(frame.up, rays)
    reach = -(height + DISTANCE * float(frame.up[2])) / np.minimum(descent, BELOW)
    point = frame.eye[:, None, None] + np.clip(reach, 0, 200) * rays
    away = np.array([0, frame.up[2], -frame.up[1]])
    plane = Plane(point[0], dot(away, point), frame.radius, kind.radius_mm, float(frame.up[2]))
    albedo = ground(plane, rng)
    light = random_light(rng, frame.up, albedo.mean(axis=(1, 2)))
    lit = albedo * _light_on_ground(point, kind, pose, light)
    near = ramp(descent, -0.01, -0.05) * ramp(plane.v, 30.0, 8.0)
    return mix(backdrop, lit, near), light


def _light_on_ground(point: Array, kind: BallKind, pose: NDArray, light: Light) -> Array:
    """Light (3, h, w) that reaches the ground, in the space where the ball is a unit sphere.

    The shadow's edge is blurred with the distance from the ball; the sky is hidden by a sphere's
    solid angle (Quilez, sphere occlusion).
    """
    axes = np.max([shape.axes for shape, _ in kind.parts], axis=0)
    to_sphere = pose.T / axes[:, None]
    place = transform(to_sphere, point)
    lamp = to_sphere @ light.direction
    lamp = lamp / np.linalg.norm(lamp)
    squared = inner(place, place)
    towards = dot(lamp, place)
    miss = np.sqrt(np.maximum(squared - towards**2, 0.0))
    soft = light.softness * np.clip(-towards, 0.1, 2.0)
    lit = np.clip((miss - 1.0 + 0.7 * soft) / (1.4 * soft), 0, 1)
    lit = np.where(towards > 0, np.float32(1), lit)
    reach = np.maximum(squared, 1.0)
    hidden = 0.85 / (reach * np.sqrt(reach))
    lambert = max(0.0, float(light.up @ light.direction))
    received = expand(light.colour) * (lambert * lit) + expand(light.sky) * (1.0 - hidden)
    # No lamp is a point: close to where it touches, a ball hides most of any.
    return received * (1.0 - 0.65 * np.exp(-4.0 * np.maximum(squared - 1.0, 0.0)))


def _with_ball(
    radiance: Array, kind: BallKind, frame: Frame, pose: NDArray, light: Light,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    box = _box(kind, frame, pose)
    if box is None:
        return radiance
    layers = _layers(kind, frame, pose, light, box, rng)
    cover = _downsampled(_stacked(layers))
    result = radiance.copy()
    part = result[:, box.top : box.bottom, box.left : box.right]
    part *= 1.0 - cover[3]
    part += cover[:3]
    return result


def _box(kind: BallKind, frame: Frame, pose: NDArray) -> Box | None:
    """The ball's bounds; parts that are nearer than the centre look larger, long ones most."""
    shapes = [shape for shape, _ in kind.parts]
    slender = 1.0 - min(min(shape.axes) for shape in shapes)
    margin = 1.02 + 0.13 * min(1.0, 2 * slender)
    sides = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]) @ pose
    reach = [margin * max(shape.support(side) for shape in shapes) for side in sides]
    return frame.around(*reach)


@dataclass(frozen=True)
class Layer:
    """One surface of the ball: radiance (3, h, w), alpha (h, w) in [0, 1], depth (h, w)."""

    colour: Array
    alpha: Array
    depth: Array


def _layers(
    kind: BallKind, frame: Frame, pose: NDArray, light: Light, box: Box, rng: np.random.Generator
) -> list[Layer]:
    rays = transform(pose.T, frame.rays(box, SUPERSAMPLE))
    eye = pose.T @ frame.eye
    layers = []
    for shape, pattern in kind.parts:
        # Both walls of a skirt are one object: they are painted from the same chance.
        seed = int(rng.integers(2**63))
        for hit in reversed(shape.intersect(eye, rays)):
            paint = pattern(hit.point, np.random.default_rng(seed))
            layers.append(_lit(hit, paint, pose, frame, light))
    return layers


def _lit(hit: Hit, paint: Paint, pose: NDArray, frame: Frame, light: Light) -> Layer:
    normal = transform(pose, hit.normal)
    if paint.height is not None:
        normal = bumped(normal, paint.height, 1.0 / (frame.radius * SUPERSAMPLE))
    alpha: Array = hit.inside.astype(np.float32)
    if paint.coverage is not None:
        alpha = alpha * paint.coverage
    return Layer(shade(normal, paint, light), alpha, hit.depth)


def _stacked(layers: list[Layer]) -> Array:
    """Colour times alpha, and alpha: (4, h, w) of a solid first layer and veils, far to near.

    A veil is seen where it is nearer than the solid, as with any depth buffer.
    """
    solid, *veils = layers
    barrier = np.where(solid.alpha > 0, solid.depth, np.float32(np.inf))
    stack = np.concatenate([solid.colour * solid.alpha, solid.alpha[None]])
    for veil in veils:
        alpha = veil.alpha * (veil.depth < barrier)
        stack *= 1.0 - alpha
        stack[:3] += veil.colour * alpha
        stack[3] += alpha
    return stack


def _downsampled(field: Array) -> Array:
    """Means (c, h, w) of squares of samples (c, h * SUPERSAMPLE, w * SUPERSAMPLE)."""
    rows = field[:, 0::2] + field[:, 1::2]
    return (rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(1 / SUPERSAMPLE**2)


def _with_fringe(image: Image.Image, frame: Frame, rng: np.random.Generator) -> Image.Image:
    """Blades of grass that stand before the lower edge of the ball."""
    overlay = Image.new("RGBA", (2 * frame.size, 2 * frame.size))
    count = int(rng.integers(10, 50))
    angle = rng.normal(0, 0.45, count)
    x = frame.x + frame.radius * np.sin(angle)
    y = frame.y + frame.radius * np.cos(angle) + rng.uniform(0, 0.12, count) * frame.radius
    soil = shade_of("#35511f", rng)
    roots = 2 * np.column_stack([x, y])
    draw_blades(ImageDraw.Draw(overlay), roots, 0.4 * frame.radius, soil, rng)
    overlay = overlay.resize(image.size, Image.Resampling.BOX)
    return Image.alpha_composite(image.convert("RGBA"), overlay).convert("RGB")
