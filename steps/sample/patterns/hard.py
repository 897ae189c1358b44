"""Hard smooth or dimpled balls: billiard, bowling, table tennis, golf and field hockey."""

from functools import cache

import numpy as np

from steps.sample.arrays import Array, dot, expand, mix, ramp, stroke, vector
from steps.sample.colour import any_colour, hue, pick
from steps.sample.decals import brand, text_on
from steps.sample.lookup import NearestPoint, fibonacci_lattice
from steps.sample.noise import waves
from steps.sample.shading import Finish, Paint

LACQUER = Finish(specular=0.7, shininess=220, mirror=0.75)
URETHANE = Finish(specular=0.6, shininess=140, mirror=0.55)
CELLULOID = Finish(specular=0.06, shininess=12)
SURLYN = Finish(specular=0.35, shininess=60, mirror=0.1)
PLASTIC = Finish(specular=0.25, shininess=40)

BILLIARD_COLOURS = (
    "#f2b90c", "#1c3f94", "#c8161d", "#4b2a7b", "#e8641b", "#11693a", "#7a1420", "#121214",
)  # fmt: skip
"""sRGB codes of the balls 1 to 8; ball 9 is a stripe in the colour of ball 1, and so on."""

HOLES = ((0.0, 0.0, 1.0), (0.27, 0.0, 0.96), (0.135, -0.42, 0.9))
"""Directions of a bowling ball's two finger holes and thumb hole."""


def billiard(point: Array, rng: np.random.Generator) -> Paint:
    """A numbered pool ball, solid or striped; its number is on the sides x and -x."""
    number = int(rng.integers(1, 16))
    base = pick((BILLIARD_COLOURS[(number - 1) % 8],), rng, 0.05)
    ivory = hue("#f3eedd")
    colour = np.broadcast_to(expand(base), point.shape)
    if number > 8:
        colour = mix(colour, ivory, ramp(np.abs(point[2]), 0.55, 0.56))
    colour = mix(colour, ivory, ramp(np.abs(point[0]), 0.905, 0.915))
    for side in (1, -1):
        ink = text_on(point, str(number), (side, 0, 0), (0, side, 0), 0.34)
        colour = mix(colour, hue("#141414"), ink)
    return Paint(colour, LACQUER)


def bowling(point: Array, rng: np.random.Generator) -> Paint:
    """Marbled and polished, with two finger holes and a thumb hole about the side z."""
    dark, bright = any_colour(rng, 0.9) * np.float32(0.35), any_colour(rng, 0.8)
    warp = 0.25 * np.stack([waves(point, rng, 4) for _ in range(3)])
    vein = np.abs(waves(point + warp, rng, 6))
    colour = mix(dark, bright, rng.uniform(0.5, 1) * ramp(vein, 0.7, 0.0) ** 2)
    height = np.zeros_like(vein)
    for hole, radius in zip(HOLES, (0.095, 0.095, 0.115), strict=True):
        away = np.arccos(np.clip(dot(vector(hole), point), -1, 1))
        colour = mix(colour, hue("#050506"), ramp(away, radius, radius - 0.015))
        height += 0.08 * ramp(away, radius - 0.05, radius + 0.02)
    ink = text_on(point, brand(rng), (0.135, 0.42, 0.9), (1, 0, -0.15), 0.17)
    return Paint(mix(colour, hue("#e8e4da"), 0.9 * ink), URETHANE, height)


def table_tennis(point: Array, rng: np.random.Generator) -> Paint:
    """Matt white or orange, one faint joint, and a small print."""
    orange = rng.random() < 0.4
    shell = pick(("#f59a23", "#f28c1a") if orange else ("#f6f6f2", "#f1f1ec"), rng, 0.04)
    joint = stroke(dot(vector([0.3, 0.2, 1]), point), 0.004, 0.008)
    colour = mix(shell, shell * np.float32(0.7), 0.5 * joint)
    ink = hue(("#1d2f6f", "#b01c24", "#20242a")[int(rng.integers(3))])
    for text, rise, height in ((brand(rng), 0.1, 0.2), ("* * *", 0.3, 0.2), ("40+", -0.12, 0.15)):
        side = (1, rise, 0)
        colour = mix(colour, ink, 0.9 * text_on(point, text, side, (0, 0, 1), height))
    return Paint(colour, CELLULOID)


def golf(point: Array, rng: np.random.Generator) -> Paint:
    """White, now and then yellow, under 336 dimples; a name with a number below it."""
    shell = pick(("#f6f6f4", "#f3f3f0") if rng.random() < 0.95 else ("#e6ef3a",), rng, 0.03)
    depth = _dimples(point, 336)
    colour = expand(shell) * (1.0 - 0.16 * depth)
    ink = hue(("#1a1a1c", "#c0161c", "#173a8a")[int(rng.integers(3))])
    colour = mix(colour, ink, 0.9 * text_on(point, brand(rng), (1, 0, 0), (0, 1, 0), 0.2))
    number = str(rng.integers(1, 9))
    colour = mix(colour, ink, 0.9 * text_on(point, number, (0.96, 0, -0.27), (0, 1, 0), 0.2))
    return Paint(colour, SURLYN, -0.032 * depth)


def hockey(point: Array, rng: np.random.Generator) -> Paint:
    """One bright colour; fine shallow dimples or smooth, and always the ridge of the mould."""
    white = rng.random() < 0.2
    bright = ("#ff7a1a", "#f7e51c", "#ff4f9a", "#7ee22c", "#2fb6e8")
    shell = pick(("#f4f4f0",) if white else bright, rng, 0.04)
    ridge = stroke(point[2], 0.012, 0.012)
    height = 0.02 * ridge
    tone = 1.0 - 0.25 * stroke(np.abs(point[2]) - 0.022, 0.004, 0.008)
    # A smooth white one could as well be a cue ball.
    if white or rng.random() < 0.75:
        depth = _dimples(point, 900) * (np.abs(point[2]) > 0.06)
        height, tone = height - 0.006 * depth, tone * (1.0 - 0.1 * depth)
    colour = expand(shell) * tone
    ink = text_on(point, brand(rng), (1, 0, 0.35), (0, 1, 0), 0.2)
    colour = mix(colour, hue("#1b1c22"), 0.85 * ink)
    scuffs = rng.uniform(0, 0.2) * ramp(waves(point, rng, 9) + waves(point, rng, 23), 1.1, 2.0)
    return Paint(mix(colour, hue("#5c6a48"), scuffs), PLASTIC, height)


def _dimples(point: Array, count: int) -> Array:
    """Depth (h, w) in [0, 1] of round dimples on a Fibonacci lattice.

    Each has a share of 4 pi / count of the sphere and leaves a land of a fifth of its radius, so
    that the table's errors at the border between two dimples are not seen.
    """
    nearest = _dimple_centres(count)
    index = nearest.index(point)
    x, y, z = (row[index] for row in nearest.points)
    cosine = np.clip(x * point[0] + y * point[1] + z * point[2], -1, 1)
    edge = 1.64**2 / count
    return ramp(2.0 - 2.0 * cosine, edge, 0.15 * edge)


@cache
def _dimple_centres(count: int) -> NearestPoint:
    return NearestPoint.among(fibonacci_lattice(count))
