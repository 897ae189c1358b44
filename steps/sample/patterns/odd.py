"""What flies or slides and is no ball: the hockey puck and the shuttlecock. Their axis is z."""

import numpy as np

from steps.sample.arrays import Array, cycle, expand, mix, ramp, stroke
from steps.sample.colour import any_colour, hue, pick
from steps.sample.decals import brand, text_on
from steps.sample.noise import grain, waves
from steps.sample.shading import Finish, Paint

VULCANISED = Finish(specular=0.16, shininess=16)
FEATHER = Finish(specular=0.02, shininess=10)
CORK = Finish(specular=0.1, shininess=24)

FEATHERS = 16
SKIRT = (-0.5, 1.0, 0.27, 0.76)
"""Skirt of a shuttlecock: z where it starts and ends, radius there, in half its length."""


def puck(point: Array, rng: np.random.Generator) -> Paint:
    """Black rubber with a knurled rim; three in four carry a printed badge on their faces."""
    rubber = pick(("#17181a", "#1d1e21", "#121315"), rng, 0.1)
    radius = np.hypot(point[0], point[1])
    rim = ramp(radius, 0.955, 0.985)
    colour = expand(rubber) * (1.0 + 0.06 * grain(radius.shape, rng))
    if rng.random() < 0.75:
        colour = mix(colour, any_colour(rng, 0.9), ramp(radius, 0.62, 0.6))
        colour = mix(colour, hue("#e9e9e6"), stroke(radius - 0.6, 0.04, 0.012))
        ink = text_on(point, brand(rng), (0, 0, 1), (1, 0, 0), 0.25) * ramp(radius, 0.6, 0.58)
        colour = mix(colour, hue("#f2f2ef"), ink)
    scratches = ramp(waves(point * np.float32(0.6), rng, 30), 1.0, 1.6) * (1 - rim)
    colour = mix(colour, hue("#6a6c70"), 0.1 * scratches)
    turn = np.arctan2(point[1], point[0]) * (60 / (2 * np.pi))
    rise = point[2] * 9.0
    knurl = np.maximum(stroke(cycle(turn + rise), 0.1, 0.15), stroke(cycle(turn - rise), 0.1, 0.15))
    knurl = knurl * rim * (np.abs(point[2]) < 0.24)
    return Paint(mix(colour, hue("#3c3e42"), 0.6 * knurl), VULCANISED, 0.012 * knurl)


def cork(point: Array, rng: np.random.Generator) -> Paint:
    """White kid leather on the cork, and the ribbon that covers its joint with the feathers."""
    leather = pick(("#f4f1e8", "#eeeadd"), rng, 0.03)
    ribbon = pick(("#15803d", "#1d4ed8", "#c81e1e", "#18181b"), rng, 0.08)
    band = stroke(point[2] + 0.56, 0.055, 0.012)
    return Paint(mix(leather, ribbon, band), CORK)


def skirt(point: Array, rng: np.random.Generator) -> Paint:
    """Sixteen overlapping feathers, or in three of ten a moulded net."""
    start, end = SKIRT[:2]
    rise = (point[2] - start) / (end - start)
    turn = np.arctan2(point[1], point[0]) * (FEATHERS / (2 * np.pi))
    across = 2.0 * cycle(turn)
    return _net(rise, turn, rng) if rng.random() < 0.3 else _feathers(rise, across, rng)


def _feathers(rise: Array, across: Array, rng: np.random.Generator) -> Paint:
    """rise: 0 at the cork to 1 at the rim; across: -1 to 1 over one feather's share."""
    white = pick(("#fbfaf6", "#f6f4ec"), rng, 0.02)
    quill = stroke(across, 0.1, 0.07)
    vane = ramp(rise, 0.36, 0.38) * ramp(np.abs(across), 1.0, 0.9)
    # A vane widens from the quill to its neighbours, and its tip is rounded.
    width = 1.02 * ramp(rise, 0.34, 0.56)
    vane = vane * ramp(np.abs(across) - width, 0.02, -0.04)
    vane = vane * ramp(rise + 0.13 * across**2, 0.99, 0.975)
    threads = np.maximum(stroke(rise - 0.17, 0.014, 0.008), stroke(rise - 0.28, 0.014, 0.008))
    stem = quill * ramp(rise, 0.98, 0.96)
    cover = np.maximum(np.maximum(0.97 * vane, stem), threads)
    barbs = cycle(14 * rise - 1.2 * np.abs(across))
    tone = 1.0 - 0.1 * stroke(barbs, 0.12, 0.2) - 0.32 * ramp(np.abs(across), 0.72, 1.0)
    colour = mix(expand(white) * tone, hue("#d8cfb4"), 0.8 * quill)
    return Paint(colour, FEATHER, coverage=cover)


def _net(rise: Array, turn: Array, rng: np.random.Generator) -> Paint:
    """A nylon skirt: ribs up and around, close together above, bare ribs near the cork."""
    nylon = pick(("#f4ec4a", "#f7f7f2", "#f2e93c"), rng, 0.04)
    ribs = stroke(cycle(turn), 0.1, 0.06)
    fine = stroke(cycle(2.0 * turn + 0.5), 0.13, 0.1)
    rings = stroke(cycle(16.0 * rise), 0.17, 0.1)
    mesh = np.maximum(fine, rings) * np.maximum(ramp(rise, 0.42, 0.46), stroke(rise - 0.2, 0.06))
    hem = np.maximum(ramp(rise, 0.955, 0.965), stroke(rise - 0.43, 0.02))
    cover = np.maximum(np.maximum(ribs, mesh), hem)
    return Paint(mix(nylon, nylon * np.float32(0.8), 0.5 * ribs), FEATHER, coverage=cover)
