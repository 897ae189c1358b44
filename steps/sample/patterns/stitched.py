"""Balls known by their seam: tennis ball, baseball, cricket ball."""

import numpy as np

from steps.sample.arrays import Array, cycle, expand, mix, ramp, stroke
from steps.sample.colour import hue, pick
from steps.sample.decals import brand, text_on
from steps.sample.noise import grain, waves
from steps.sample.seams import BASEBALL, TENNIS, along_seam
from steps.sample.shading import Finish, Paint

FELT = Finish(specular=0.0, sheen=0.35)
LEATHER = Finish(specular=0.06, shininess=14)
POLISHED_LEATHER = Finish(specular=0.35, shininess=38)


def tennis(point: Array, rng: np.random.Generator) -> Paint:
    """Optic yellow felt, sometimes another colour, and one white rubber seam."""
    usual = rng.random() < 0.92
    felt = pick(("#d2e42a", "#c8dc1e", "#dcea3c") if usual else ("#f08a24",), rng, 0.06)
    distance = TENNIS.distance(point)
    seam = stroke(distance, 0.045, 0.015)
    fibres = grain(point.shape[1:], rng)
    tone = 1.0 + 0.07 * fibres + 0.05 * waves(point, rng, 14)
    colour = mix(expand(felt) * tone, hue("#eef0e6"), seam)
    ink = text_on(point, f"{brand(rng)} {rng.integers(1, 5)}", (0, 0, 1), (0, 1, 0), 0.2)
    colour = mix(colour, hue("#20242c"), 0.85 * ink * (1 - seam))
    height = 0.009 * fibres * (1 - seam) + 0.004 * waves(point, rng, 45) * (1 - seam) - 0.03 * seam
    return Paint(colour, FELT, height)


def baseball(point: Array, rng: np.random.Generator) -> Paint:
    """White leather, more or less scuffed; red chevrons of thread on both sides of the seam."""
    leather = pick(("#f4f0e6", "#efe8d8", "#f7f5ee"), rng, 0.03)
    distance = BASEBALL.distance(point)
    thread = _chevrons(point, distance, pitch=0.12)
    colour = mix(leather, hue("#9a8f7e"), 0.7 * stroke(distance, 0.008))
    scuffs = ramp(waves(point, rng, 5) + 0.4 * waves(point, rng, 17), 0.5, 1.6)
    colour = mix(colour, hue("#a08a66"), rng.uniform(0, 0.45) * scuffs)
    colour = mix(colour, pick(("#b00a12", "#a0080f", "#bd1018"), rng, 0.06), thread)
    if rng.random() < 0.6:
        ink = text_on(point, brand(rng), (1, 0, 0), (0, 0, 1), 0.2)
        colour = mix(colour, hue("#26406e"), 0.8 * ink)
    height = 0.012 * thread - 0.015 * stroke(distance, 0.01, 0.02) + 0.0006 * waves(point, rng, 90)
    return Paint(colour, LEATHER, height)


def _chevrons(point: Array, distance: Array, pitch: float) -> Array:
    """Coverage (h, w) of stitches that slant away from the seam, 0.02 to 0.15 radii beside it."""
    aside = np.abs(distance)
    near = aside < 0.17
    beside = aside[near]
    phase = cycle((along_seam(BASEBALL, point[:, near]) - 0.75 * beside) / pitch)
    thread = np.zeros_like(distance)
    thread[near] = stroke(phase * pitch, 0.023, 0.01) * stroke(beside - 0.082, 0.062, 0.012)
    return thread


def cricket(point: Array, rng: np.random.Generator) -> Paint:
    """Polished red leather, now and then white or pink, and six rows of thread at the equator."""
    share = rng.random()
    reds = ("#8e1216", "#a3161a", "#7c0e14")
    rare = ("#e9e6dc",) if share > 0.93 else ("#d8336e",)
    leather = pick(rare if share > 0.85 else reds, rng, 0.06)
    z = point[2]
    turn = np.arctan2(point[1], point[0])
    rows = [_dashes(z, turn, offset) for offset in (-0.115, -0.075, -0.035, 0.035, 0.075, 0.115)]
    thread = np.clip(sum(rows[1:], rows[0]), 0.0, 1.0)
    quarter = stroke(point[0], 0.006, 0.008) * (np.abs(z) > 0.15)
    wear = 1.0 - rng.uniform(0, 0.3) * ramp(waves(point, rng, 6), 0.2, 1.4)
    colour = mix(expand(leather) * wear, leather * np.float32(0.35), 0.6 * quarter)
    gold = text_on(point, brand(rng), (0.5, 0.5, 0.7), (1, -1, 0), 0.17)
    colour = mix(colour, hue("#d9b25a"), 0.85 * gold)
    colour = mix(colour, hue("#4c1210"), 0.5 * stroke(z, 0.012))
    colour = mix(colour, hue("#efe3c4"), thread)
    raised = 0.05 * ramp(np.abs(z), 0.17, 0.12) + 0.012 * thread - 0.02 * stroke(z, 0.01, 0.015)
    return Paint(colour, POLISHED_LEATHER, raised - 0.01 * quarter)


def _dashes(z: Array, turn: Array, row: float) -> Array:
    stitches = 76
    phase = cycle(turn * (stitches / (2 * np.pi)) + 3.0 * row)
    return stroke(z - row, 0.012, 0.01) * stroke(phase, 0.32, 0.15)
