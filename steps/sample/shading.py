"""Light on surfaces: Lambert, Blinn, hemispheric ambient, and a soft-box mirrored in lacquer."""

from dataclasses import dataclass

import numpy as np

from steps.sample.arrays import Array, dot, expand, normalised, ramp, stroke, vector

WRAP = 0.25
"""How far a large lamp reaches round the edge, as a cosine; it softens the terminator."""
STEEPEST = 1.2
"""Bound on the slope of a bump, so that a bump on the silhouette does not sparkle."""


@dataclass(frozen=True)
class Finish:
    """How a surface answers light; all strengths in [0, 1]."""

    specular: float = 0.1
    shininess: float = 20.0
    """Exponent of Blinn's lobe."""
    mirror: float = 0.0
    """How clearly the surroundings are mirrored: 1 is lacquer."""
    sheen: float = 0.0
    """Light that fibres catch at the rim: felt."""


@dataclass
class Paint:
    """What a pattern gives a surface.

    colour: (3, h, w) linear; height: (h, w) in object radii, or None for a smooth one;
    coverage: (h, w) in [0, 1], or None for a closed one.
    """

    colour: Array
    finish: Finish
    height: Array | None = None
    coverage: Array | None = None


@dataclass(frozen=True)
class Light:
    """One lamp and its surroundings, in camera coordinates; colours (3,) linear."""

    direction: Array
    colour: Array
    sky: Array
    bounce: Array
    up: Array
    softness: float
    """Width of the shadow's edge, in object radii."""


def random_light(rng: np.random.Generator, up: Array, bounce: Array) -> Light:
    """A lamp above and before the ball, warm to cool; bounce: the ground's colour (3,)."""
    bearing = rng.uniform(0.3, 1.4) * rng.choice((-1, 1))
    level = vector([np.sin(bearing), 0, np.cos(bearing)])
    direction = vector(level * rng.uniform(0.6, 1.0) + up * rng.uniform(0.6, 1.5))
    warmth = rng.normal(0, 0.07)
    tint = np.array([1 + warmth, 1.0, 1 - warmth], dtype=np.float32)
    key = rng.uniform(0.62, 0.92)
    sky = (1.12 - key) * np.array([1 - warmth / 2, 1, 1 + warmth / 2], dtype=np.float32)
    return Light(direction, tint * np.float32(key), sky, bounce, up, rng.uniform(0.06, 0.5))


def bumped(normal: Array, height: Array, pixel: float) -> Array:
    """Normals (3, h, w) tilted by a height field (h, w) whose pixels are `pixel` radii apart.

    The screen-space gradient, projected on the tangent plane, is the surface's gradient (Mikkelsen
    2010, for a distant viewer).
    """
    down, right = np.gradient(height, np.float32(pixel))
    x = np.clip(right, -STEEPEST, STEEPEST)
    y = np.clip(-down, -STEEPEST, STEEPEST)
    along = x * normal[0] + y * normal[1]
    tilted = normal * (1.0 + along)
    tilted[0] -= x
    tilted[1] -= y
    return normalised(tilted)


def shade(normal: Array, paint: Paint, light: Light) -> Array:
    """Radiance (3, h, w) of a painted surface; normal: (3, h, w) unit, in camera coordinates."""
    finish = paint.finish
    lambert = ramp(dot(light.direction, normal), -WRAP, 1.0)
    lambert = lambert * np.sqrt(lambert)
    upward = 0.5 + 0.5 * dot(light.up, normal)
    bounce = light.bounce * light.sky * 0.6
    ambient = expand(bounce) + expand(light.sky - bounce) * upward
    radiance = paint.colour * (expand(light.colour) * lambert + ambient)
    if finish.sheen:
        rim = 1.0 - np.clip(normal[2], 0.0, 1.0)
        rim = rim * rim * rim
        radiance += paint.colour * (finish.sheen * rim)
    return radiance + expand(light.colour) * _gloss(normal, lambert, finish, light)


def _gloss(normal: Array, lambert: Array, finish: Finish, light: Light) -> Array:
    half = vector(light.direction + np.array([0, 0, 1], np.float32))
    # Blinn's cosine to the power n, as the spherical Gaussian of the same peak: exp is vectorised.
    lobe = np.exp((dot(half, normal) - 1.0) * np.float32(finish.shininess))
    gloss = finish.specular * lobe * ramp(lambert, 0.0, 0.1)
    if finish.mirror:
        gloss = gloss + finish.mirror * _mirrored(normal, light)
    return gloss


def _mirrored(normal: Array, light: Light) -> Array:
    """A soft-box with a cross-bar beside the lamp, and the sky at grazing angles (Schlick)."""
    facing = np.clip(normal[2], 0.0, 1.0)
    ray = 2.0 * facing * normal
    ray[2] -= 1.0
    across = vector(np.cross(light.up, light.direction))
    above = np.cross(light.direction, across)
    ahead = np.maximum(dot(light.direction, ray), 1e-3)
    x, y = dot(across, ray) / ahead, dot(above, ray) / ahead
    box = stroke(x, 0.42, 0.05) * stroke(y, 0.42, 0.05) * (1.0 - 0.6 * stroke(x, 0.03, 0.03))
    grazing = (1.0 - facing) ** 2
    fresnel = 0.04 + 0.96 * grazing * grazing * (1.0 - facing)
    return 0.55 * box + fresnel * (0.25 + 0.45 * ramp(dot(light.up, ray), -0.2, 0.6))
