"""Balls that are carried: American football and rugby ball. Their long axis is x, their top z."""

import numpy as np

from steps.sample.arrays import Array, cycle, expand, mix, ramp, stroke
from steps.sample.colour import any_colour, hue, pick
from steps.sample.decals import brand, text_on
from steps.sample.noise import waves
from steps.sample.shading import Finish, Paint

GRAINED = Finish(specular=0.14, shininess=20)
GRIPPED = Finish(specular=0.16, shininess=26)


def american_football(point: Array, rng: np.random.Generator) -> Paint:
    """Brown pebbled leather in four panels, white laces on top and mostly a stripe at each end."""
    leather = pick(("#7a3d1e", "#8a4522", "#6b3418", "#94512a"), rng, 0.07)
    x, y, z = point
    pebbles = waves(point, rng, 105, count=10)
    tone = 1.0 + 0.1 * waves(point, rng, 5) + 0.08 * pebbles
    seam = stroke(np.minimum(np.abs(y), np.abs(z)), 0.008, 0.008)
    colour = mix(expand(leather) * tone, hue("#24120a"), 0.8 * seam)
    stripe = np.zeros_like(x)
    if rng.random() < 0.8:
        stripe = stroke(np.abs(x) - 0.6, 0.045, 0.008)
        if rng.random() < 0.5:
            stripe = stripe * ramp(z, -0.01, 0.01)
        colour = mix(colour, hue("#f2efe8"), stripe)
    if rng.random() < 0.5:
        ink = text_on(point, brand(rng), (0, -0.8, 0.6), (1, 0, 0), 0.15)
        colour = mix(colour, hue("#2a1508"), 0.85 * ink)
    lace = _laces(x, y) * (z > 0)
    colour = mix(colour, hue("#f6f4ee"), lace)
    height = 0.005 * pebbles * (1 - stripe) - 0.012 * stroke(seam, 0.0, 0.9) + 0.04 * lace
    return Paint(colour, GRAINED, height)


def _laces(x: Array, y: Array) -> Array:
    """Coverage (h, w) of a lace along the top and eight across it."""
    spine = stroke(y, 0.016, 0.008) * stroke(x, 0.32, 0.01)
    rungs = stroke(cycle(x / 0.08 + 0.5) * 0.08, 0.017, 0.008)
    return np.maximum(spine, rungs * stroke(y, 0.085, 0.01) * stroke(x, 0.32, 0.01))


def rugby(point: Array, rng: np.random.Generator) -> Paint:
    """White with a grip of fine pimples; coloured ends, wings or hoops."""
    base = pick(("#f5f5f1", "#f0efe9"), rng, 0.03)
    x, y, z = point
    turn = np.arctan2(z, y)
    main, second = any_colour(rng, 0.95) * np.float32(0.8), any_colour(rng, 0.9)
    design = (_coloured_ends, _wings, _hoops)[int(rng.integers(3))]
    colour = design(base, main, second, np.abs(x), turn)
    seam = stroke(cycle(turn / (np.pi / 2)) * np.hypot(y, z) * (np.pi / 2), 0.008, 0.008)
    colour = mix(colour, hue("#55565a"), 0.6 * seam)
    name = brand(rng)
    for side in ((0, 0.7, 0.7), (0, -0.7, 0.7)):
        ink = text_on(point, name, side, (1 if side[1] < 0 else -1, 0, 0), 0.2)
        colour = mix(colour, hue("#1d2433"), 0.9 * ink)
    pimples = waves(point, rng, 120, count=8)
    colour = colour * (1.0 + 0.04 * pimples)
    return Paint(colour, GRIPPED, 0.002 * pimples - 0.012 * seam)


def _coloured_ends(base: Array, main: Array, second: Array, along: Array, turn: Array) -> Array:
    edge = along - 0.58 - 0.1 * np.cos(4 * turn)
    return mix(mix(base, main, ramp(edge, 0.0, 0.012)), second, stroke(edge + 0.06, 0.022, 0.008))


def _wings(base: Array, main: Array, second: Array, along: Array, turn: Array) -> Array:
    """Bands that sweep from the tips towards the waist on two of the four panels."""
    sweep = along - 0.22 - 0.5 * np.abs(np.sin(turn + np.pi / 4))
    wing = stroke(sweep - 0.1, 0.1, 0.01)
    return mix(mix(base, main, wing), second, stroke(sweep - 0.27, 0.035, 0.01))


def _hoops(base: Array, main: Array, second: Array, along: Array, turn: Array) -> Array:
    hoops = mix(base, main, stroke(along - 0.62, 0.07, 0.008))
    return mix(hoops, second, ramp(along, 0.8, 0.81))
