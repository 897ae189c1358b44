"""Pictures with no ball in them: what a classifier ought not to know."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from steps.sample import backdrops
from steps.sample.arrays import Array, cycle, dot, expand, mix, ramp, stroke, vector
from steps.sample.colour import any_colour
from steps.sample.decals import brand, font
from steps.sample.lens import photograph
from steps.sample.noise import cloud, grain


def render_non_ball(rng: np.random.Generator, size: int = 192) -> Image.Image:
    """One RGB picture, size x size pixels, of anything but a ball; all chance is from `rng`.

    Boxes, cones, writing, stripes, checks, rough textures, gradients and plain colours.
    """
    draw = SUBJECTS[int(rng.integers(len(SUBJECTS)))]
    return photograph(draw(size, rng), rng)


def _grid(size: int) -> Array:
    """Coordinates (3, size, size): x right and y down in [-1, 1], z = 1."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    x, y = np.meshgrid(line, line)
    return np.stack([x, y, np.ones_like(x)])


def box(size: int, rng: np.random.Generator) -> Array:
    """Three shaded faces of a box seen from a corner, on a gradient: (3, size, size) linear."""
    grid, turn = _grid(size), rng.uniform(0.25, 1.3)
    reach = rng.uniform(0.45, 0.75)
    right = reach * np.array([np.cos(turn), -0.5 * np.sin(turn)])
    left = reach * np.array([-np.sin(turn), -0.5 * np.cos(turn)])
    down = np.array([0, reach * rng.uniform(0.7, 1.5)])
    picture, colour = backdrops.gradient(size, rng), any_colour(rng)
    corner = rng.normal(0, 0.1, 2)
    faces = ((right, down, 0.75), (left, down, 0.4), (right, left, 1.1))
    for first, second, light in faces:
        picture = mix(picture, colour * np.float32(light), _face(grid, corner, first, second))
    return picture


def _face(grid: Array, origin: Array, first: Array, second: Array) -> Array:
    """Coverage (h, w) of the parallelogram from `origin` along two edges (2,)."""
    inverse = np.linalg.inv(np.column_stack([first, second]))
    a, b = (dot([row[0], row[1], -row @ origin], grid) for row in inverse)
    return stroke(a - 0.5, 0.5, 0.01) * stroke(b - 0.5, 0.5, 0.01)


def cone(size: int, rng: np.random.Generator) -> Array:
    """A road cone with bands, shaded from one side: (3, size, size) linear."""
    x, y, _ = _grid(size)
    width = rng.uniform(0.35, 0.55) * (y + 0.8) / 1.5
    inside = ramp(np.abs(x) - width, 0.01, -0.01) * ramp(np.abs(y) - 0.7, 0.01, -0.01)
    bands = stroke(cycle(y / rng.uniform(0.3, 0.7)), 0.15, 0.02)
    colour = mix(any_colour(rng, 0.9), any_colour(rng, 0.1), bands)
    shading = 0.4 + 0.6 * np.sqrt(np.clip(1 - (x / np.maximum(width, 1e-3) + 0.3) ** 2, 0, 1))
    return mix(backdrops.gradient(size, rng), colour * shading, inside)


def writing(size: int, rng: np.random.Generator) -> Array:
    """Words at random over paper: (3, size, size) linear."""
    ink = Image.new("L", (size, size))
    draw = ImageDraw.Draw(ink)
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(-0.2, 0.9, 2) * size
        letters = font(int(size * rng.uniform(0.06, 0.3)))
        draw.text((x, y), brand(rng), int(rng.integers(120, 256)), letters)
    ink = ink.rotate(float(rng.uniform(-60, 60))).filter(ImageFilter.GaussianBlur(0.5))
    cover = np.asarray(ink, dtype=np.float32) / 255
    return mix(any_colour(rng, 0.2), any_colour(rng, 0.8), cover)


def stripes(size: int, rng: np.random.Generator) -> Array:
    """Stripes or checks at any angle: (3, size, size) linear."""
    grid = _grid(size)
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(0.1, 0.6)
    pattern = stroke(cycle(dot([np.cos(turn), np.sin(turn), 0], grid) / pitch), 0.25, 0.04)
    if rng.random() < 0.5:
        crossing = cycle(dot([-np.sin(turn), np.cos(turn), 0], grid) / pitch)
        pattern = np.abs(pattern - stroke(crossing, 0.25, 0.04))
    return mix(any_colour(rng), any_colour(rng), pattern)


def texture(size: int, rng: np.random.Generator) -> Array:
    """Clouds and grain in two colours: (3, size, size) linear."""
    rough = cloud((size, size), rng, size * rng.uniform(0.02, 0.3), rng.uniform(0.3, 3))
    fine = rng.uniform(0, 0.4) * grain((size, size), rng)
    return mix(any_colour(rng), any_colour(rng), ramp(rough + fine, -1.5, 1.5))


def plain(size: int, rng: np.random.Generator) -> Array:
    """One colour: (3, size, size) linear."""
    return np.broadcast_to(expand(any_colour(rng, rng.uniform(0, 1))), (3, size, size))


def leaning(size: int, rng: np.random.Generator) -> Array:
    """Two colours that pass into each other across the picture: (3, size, size) linear."""
    turn = rng.uniform(0, 2 * np.pi)
    weight = ramp(dot(vector([np.cos(turn), np.sin(turn), 0]), _grid(size)), -1, 1)
    return mix(any_colour(rng), any_colour(rng), weight)


SUBJECTS = (box, cone, writing, stripes, texture, plain, leaning, backdrops.blobs)
"""What may be seen, each as likely."""
