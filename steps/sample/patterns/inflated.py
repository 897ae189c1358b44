"""Round balls with a bladder: basketball, football, volleyball."""

import numpy as np

from steps.sample.arrays import Array, dot, expand, mix, ramp, stroke
from steps.sample.colour import any_colour, hue, pick
from steps.sample.decals import brand, text_on
from steps.sample.noise import waves
from steps.sample.seams import THREEFOLD, folded, pentagon_edge
from steps.sample.shading import Finish, Paint

RUBBER = Finish(specular=0.12, shininess=18)
COATED = Finish(specular=0.22, shininess=32)

VOLLEYBALLS = (
    ("#f6f6f2", "#f6f6f2", "#f6f6f2"),
    ("#f4d21f", "#1d4fa3", "#f4d21f"),
    ("#f6f6f2", "#d22630", "#1e8449"),
    ("#f6f6f2", "#1d4fa3", "#f4d21f"),
    ("#f6f6f2", "#2f6fc4", "#f6f6f2"),
    ("#fafaf6", "#e0452c", "#fafaf6"),
)
"""sRGB codes of the three strips in a group of panels."""


def basketball(point: Array, rng: np.random.Generator) -> Paint:
    """Pebbled orange; black ribs: two great circles and a bowed loop about each side."""
    rubber = pick(("#d9691e", "#cf5f1a", "#e07a2c", "#b9521c"), rng, 0.06)
    x, y = point[:2]
    # The loop bows towards the middle: x = 0.45 + 0.35 y2, fitted by eye to eight panels.
    loop = (np.abs(x) - 0.45 - 0.35 * y * y) / np.sqrt(1.0 + 0.5 * y * y)
    nearest = np.minimum(np.minimum(np.abs(x), np.abs(y)), np.abs(loop))
    rib = stroke(nearest, 0.018, 0.01)
    pebbles = waves(point, rng, 125, count=10)
    tone = 1.0 + 0.09 * waves(point, rng, 4) + 0.09 * pebbles
    colour = mix(expand(rubber) * tone, hue("#1a1412"), rib)
    if rng.random() < 0.6:
        ink = text_on(point, brand(rng), (0.2, 0.28, 0.9), (1, 0, -0.22), 0.17)
        colour = mix(colour, hue("#2a1710"), 0.8 * ink * (1 - rib))
    return Paint(colour, RUBBER, 0.005 * pebbles * (1 - rib) - 0.03 * stroke(nearest, 0.02, 0.02))


def football(point: Array, rng: np.random.Generator) -> Paint:
    """The truncated icosahedron: 12 dark or coloured pentagons among 20 white hexagons."""
    classic = rng.random() < 0.65
    dark = hue("#16171a") if classic else any_colour(rng, 0.95) * np.float32(0.75)
    light = pick(("#f5f5f2", "#ecebe6"), rng, 0.03)
    corner = folded(point)
    edge = dot(pentagon_edge(), corner)
    between = np.where(edge > 0, np.float32(1), np.abs(corner[1]))
    pentagon = ramp(edge, -0.008, 0.008)
    seam = np.maximum(stroke(edge, 0.01, 0.012), stroke(between, 0.01, 0.012))
    if not classic and rng.random() < 0.5:
        ring = stroke(dot(THREEFOLD, corner) - rng.uniform(0.955, 0.975), 0.012, 0.006)
        light = mix(light, any_colour(rng, 0.9), ring)
    colour = mix(light, dark, pentagon)
    colour = mix(colour, hue("#3a3a3a"), 0.75 * seam)
    grime = rng.uniform(0, 0.4) * ramp(waves(point, rng, 5) + waves(point, rng, 13), 0.6, 2.0)
    colour = mix(colour, hue("#6e6248"), grime)
    bulge = -0.03 * np.maximum(stroke(edge, 0.0, 0.05), stroke(between, 0.0, 0.05))
    return Paint(colour, COATED, bulge)


def volleyball(point: Array, rng: np.random.Generator) -> Paint:
    """Six groups of three strips, one a face of a cube, each turned against its neighbours."""
    codes = VOLLEYBALLS[int(rng.integers(len(VOLLEYBALLS)))]
    strips = [pick((code,), rng, 0.04) for code in codes]
    across, rim = _cube_face(point)
    third = np.digitize(across, [-1 / 3, 1 / 3])
    colour = np.stack(strips, axis=1)[:, third]
    joint = np.minimum(np.abs(np.abs(across) - 1 / 3), rim)
    seam = stroke(joint, 0.012, 0.014)
    colour = mix(colour, colour * np.float32(0.25), 0.85 * seam)
    if rng.random() < 0.5:
        ink = text_on(point, brand(rng), (0, 0, 1), (0, 1, 0), 0.22)
        colour = mix(colour, hue("#1c2a4a"), 0.85 * ink)
    pebbles = 0.0012 * waves(point, rng, 120, count=6)
    return Paint(colour, COATED, pebbles - 0.035 * stroke(joint, 0.0, 0.06))


def _cube_face(point: Array) -> tuple[Array, Array]:
    """Place across the strips of the cube's face, in [-1, 1], and distance to the face's rim.

    Both are angles over 45 degrees, which makes the strips of a face equally wide.
    """
    size = np.abs(point)
    face = np.argmax(size, axis=0)
    major = np.maximum(np.max(size, axis=0), 0.3)
    across = np.choose(face, [point[1], point[2], point[0]]) / major
    along = np.choose(face, [point[2], point[0], point[1]]) / major
    quarter = np.float32(4 / np.pi)
    across, along = np.arctan(across) * quarter, np.arctan(along) * quarter
    return across, 1.0 - np.maximum(np.abs(across), np.abs(along))
