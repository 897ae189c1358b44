"""What balls lie on: each ground paints the albedo of a plane seen by the tilted camera."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from steps.sample.arrays import Array, cycle, expand, mix, ramp, stroke
from steps.sample.colour import DECODE_TABLE, any_colour, eight_bit, encode, hue, pick, shade_of
from steps.sample.noise import cloud, grain, waves

BLADES = 620
"""Blades of grass in a picture."""


@dataclass(frozen=True)
class Plane:
    """The ground under each pixel of a picture.

    u to the right and v away from the viewer: (h, w), in ball radii from under the ball;
    radius: the ball's, in pixels; radius_mm: the ball's in millimetres, so that a blade of grass is
    long beside a golf ball and short beside a basketball; tilt: sine of the camera's pitch.
    """

    u: Array
    v: Array
    radius: float
    radius_mm: float
    tilt: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture, in pixels."""
        return self.u.shape[0], self.u.shape[1]

    def units(self, millimetres: float) -> float:
        """A length in ball radii."""
        return millimetres / self.radius_mm

    def clouds(self, rng: np.random.Generator, cell: float) -> Array:
        """Noise (h, w) whose cells, `cell` radii wide, are foreshortened like the ground."""
        return cloud(self.shape, rng, max(1.5, cell * self.radius), 1 / max(self.tilt, 0.25))


Ground = Callable[[Plane, np.random.Generator], Array]
"""Paints the linear albedo (3, h, w) of a plane."""


def _field(plane: Plane, colour: Array, *layers: Array) -> Array:
    """One colour whose brightness varies by the sum of some layers of noise."""
    return np.maximum(expand(colour) * (1.0 + sum(layers[1:], layers[0])), 0.0)


def _line(plane: Plane, rng: np.random.Generator, half_width: float) -> Array:
    """Coverage (h, w) of one straight line that runs somewhere past the ball."""
    turn = rng.uniform(0, math.pi)
    offset = rng.uniform(-1.8, 1.8)
    away = math.cos(turn) * plane.u + math.sin(turn) * plane.v - offset
    return stroke(away, half_width, 0.02 + 1 / plane.radius)


def studio(plane: Plane, rng: np.random.Generator) -> Array:
    """A seamless sheet of paper."""
    colour = pick(("#f2f2f0", "#e4e6e8", "#c9ced4", "#8d949c", "#f0e6d6"), rng, 0.05)
    return _field(plane, colour, 0.015 * plane.clouds(rng, 2.0))


def coloured_paper(plane: Plane, rng: np.random.Generator) -> Array:
    """A seamless sheet in any colour."""
    return _field(plane, any_colour(rng, 0.3), 0.02 * plane.clouds(rng, 2.0))


def turf(plane: Plane, rng: np.random.Generator) -> Array:
    """Artificial grass, green or blue, mostly with a white line."""
    colour = pick(("#2f7d3b", "#3a8f45", "#1f5fae", "#2468b8"), rng, 0.08)
    albedo = _field(plane, colour, 0.14 * grain(plane.shape, rng), 0.1 * plane.clouds(rng, 0.15))
    if rng.random() < 0.7:
        line = _line(plane, rng, plane.units(35))
        albedo = mix(albedo, hue("#e8ece8"), 0.9 * line)
    return albedo


def pitch(plane: Plane, rng: np.random.Generator) -> Array:
    """Turf on which a field-hockey stick lies, its hook behind the ball."""
    turn, right, behind = rng.uniform(-1.3, 1.3), plane.u - rng.uniform(-0.6, 0.6), plane.v - 1.9
    u = math.cos(turn) * right + math.sin(turn) * behind
    v = math.cos(turn) * behind - math.sin(turn) * right
    hook = 1.1
    bend = np.abs(np.hypot(u, v) - hook)
    shaft = np.minimum(np.abs(u - hook), np.hypot(u + hook, v))
    away = np.where(v < 0, bend, shaft)
    albedo = turf(plane, rng) * (1.0 - 0.6 * ramp(away, 0.75, 0.4))
    wood = pick(("#d8a760", "#17181c", "#b8231f", "#e9e4d8", "#2a3f8f"), rng, 0.08)
    rounded = np.sqrt(np.maximum(1.0 - (away / 0.52) ** 2, 0.04))
    return mix(albedo, expand(wood) * rounded, stroke(away, 0.48, 0.03))


def hall(plane: Plane, rng: np.random.Generator) -> Array:
    """A sports hall's parquet with coloured lines."""
    albedo = planks(plane, rng)
    for _ in range(int(rng.integers(0, 3))):
        line = _line(plane, rng, plane.units(25))
        albedo = mix(albedo, pick(("#f4f4f0", "#1b4fa0", "#b8231f", "#15181c"), rng), 0.92 * line)
    return albedo


def planks(plane: Plane, rng: np.random.Generator) -> Array:
    """Varnished boards, which run to any side."""
    turn, width = rng.uniform(0, math.pi), max(0.35, plane.units(70))
    along = math.cos(turn) * plane.u + math.sin(turn) * plane.v
    across = (math.cos(turn) * plane.v - math.sin(turn) * plane.u) / width
    board = np.floor(across)
    tone = rng.random(64, dtype=np.float32)[board.astype(np.int32) % 64]
    place = np.stack([along * 0.6, across * 6.0, 9.0 * tone])
    fibre = 0.07 * waves(place, rng, 2.2)
    gap = stroke(cycle(across), 0.012, 0.012 + 0.6 / (plane.radius * width))
    joint = stroke(cycle(along / (width * 8) + 7 * tone), 0.0015, 0.003)
    wood = pick(("#c99a5b", "#b98549", "#d8b077", "#a06c38"), rng, 0.07)
    albedo = _field(plane, wood, 0.28 * (tone - 0.5), fibre)
    return mix(albedo, hue("#4a2c14"), 0.6 * np.maximum(gap, joint))


def court(plane: Plane, rng: np.random.Generator) -> Array:
    """A tennis court of clay or acrylic, with a white line."""
    colour = pick(("#b3603a", "#a9552f", "#2e6aa8", "#3b7a4e"), rng, 0.08)
    albedo = _field(plane, colour, 0.07 * grain(plane.shape, rng), 0.05 * plane.clouds(rng, 0.5))
    return mix(albedo, hue("#f0efe8"), 0.93 * _line(plane, rng, plane.units(25)))


def sand(plane: Plane, rng: np.random.Generator) -> Array:
    """A beach, or a bunker."""
    dunes = 0.14 * plane.clouds(rng, 1.2) + 0.07 * plane.clouds(rng, 0.3)
    colour = pick(("#d9c08c", "#cfb383", "#e4d3a8"), rng, 0.06)
    return _field(plane, colour, dunes, 0.1 * grain(plane.shape, rng))


def ice(plane: Plane, rng: np.random.Generator) -> Array:
    """A rink, cut by skates, now and then with a red or a blue line."""
    albedo = _field(plane, pick(("#dfe9f1", "#d3e1ec", "#e9eff3"), rng, 0.03),
                    0.03 * plane.clouds(rng, 0.8), 0.02 * grain(plane.shape, rng))  # fmt: skip
    for _ in range(int(rng.integers(5, 14))):
        albedo = mix(albedo, hue("#ffffff"), rng.uniform(0.2, 0.7) * _line(plane, rng, 0.006))
    if rng.random() < 0.4:
        albedo = mix(albedo, pick(("#c3202b", "#1e4fa3"), rng), 0.85 * _line(plane, rng, 0.35))
    return albedo


def felt(plane: Plane, rng: np.random.Generator) -> Array:
    """The cloth of a pool table."""
    colour = pick(("#12683f", "#0f7a4a", "#1a5f9e", "#7c1f2a"), rng, 0.1)
    return _field(plane, colour, 0.06 * grain(plane.shape, rng), 0.06 * plane.clouds(rng, 0.6))


def table(plane: Plane, rng: np.random.Generator) -> Array:
    """A table-tennis table with one white line."""
    colour = pick(("#1d4f8f", "#14603f", "#23395d"), rng, 0.08)
    albedo = _field(plane, colour, 0.02 * grain(plane.shape, rng), 0.03 * plane.clouds(rng, 1.0))
    return mix(albedo, hue("#f2f2f0"), 0.95 * _line(plane, rng, plane.units(8)))


def asphalt(plane: Plane, rng: np.random.Generator) -> Array:
    """A street court of asphalt or concrete."""
    colour = pick(("#6a6c6e", "#8b8a86", "#4e5053"), rng, 0.08)
    speckle = 0.2 * grain(plane.shape, rng) + 0.12 * plane.clouds(rng, 0.12)
    return _field(plane, colour, speckle, 0.08 * plane.clouds(rng, 1.2))


def grass(plane: Plane, rng: np.random.Generator) -> Array:
    """A lawn, blade by blade; now and then a painted line."""
    height, width = plane.shape
    soil = shade_of("#3c5a22", rng, 0.15)
    image = Image.new("RGB", (2 * width, 2 * height), eight_bit(soil * np.float32(0.75)))
    roots = rng.random((BLADES, 2)) * (2 * width, 2.2 * height)
    blade = 2 * float(np.clip(plane.units(32) * plane.radius, 0.03 * width, 0.13 * width))
    draw_blades(ImageDraw.Draw(image), roots[np.argsort(roots[:, 1])], blade, soil, rng)
    image = image.resize((width, height), Image.Resampling.BOX)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.2) * width / 192))
    albedo = DECODE_TABLE[np.moveaxis(np.asarray(image), 2, 0)]
    if rng.random() < 0.2:
        worn = ramp(grain(plane.shape, rng), -2.5, -0.5)
        albedo = mix(albedo, hue("#e6eae0"), 0.85 * worn * _line(plane, rng, plane.units(50)))
    return albedo


def draw_blades(
    draw: ImageDraw.ImageDraw, roots: Array, length: float, soil: Array,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw one bent blade from each root (n, 2), in pixels, in shades of the colour `soil`."""
    count = len(roots)
    lean = rng.normal(0, 0.45, count) * length
    rise = rng.uniform(0.5, 1.2, count) * length
    tint = np.column_stack([rng.uniform(0.9, 1.35, count), np.ones(count), np.full(count, 0.9)])
    colours = 255 * encode(soil * tint * rng.uniform(0.7, 2.0, (count, 1)))
    thick = max(2, round(length / 11))
    blades = zip(roots.tolist(), lean.tolist(), rise.tolist(), colours.astype(int), strict=True)
    for (x, y), dx, dy, colour in blades:
        bend = [(x, y), (x + 0.3 * dx, y - 0.6 * dy), (x + dx, y - dy)]
        draw.line(bend, tuple(colour.tolist()), thick)
