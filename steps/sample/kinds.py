"""The table of ball kinds: the one place that lists what can be rendered."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steps.sample import backdrops, grounds, poses
from steps.sample.arrays import Array
from steps.sample.geometry import Disc, Ellipsoid, Frustum, Shape, Spindle
from steps.sample.grounds import Ground
from steps.sample.patterns import hard, inflated, odd, oval, stitched
from steps.sample.poses import Pose
from steps.sample.shading import Paint

Pattern = Callable[[Array, np.random.Generator], Paint]
Part = tuple[Shape, Pattern]

SPHERE = Ellipsoid()
LAWN = (grounds.grass, grounds.grass, grounds.turf)
HALL = (grounds.hall, grounds.hall, grounds.planks)
PLAIN = (grounds.studio, grounds.coloured_paper)


@dataclass(frozen=True)
class BallKind:
    """One category: what it is made of, how it lies, where it is found.

    parts: the solid one first, then what one sees through. radius_mm: half of its greatest
    length. grounds: a repeated one is as much more likely.
    airborne: share of pictures without ground, in [0, 1]. size: its radius over the usual one.
    """

    category: str
    parts: tuple[Part, ...]
    pose: Pose
    radius_mm: float
    grounds: tuple[Ground, ...]
    airborne: float = 0.15
    size: float = 1.0


KINDS = (
    BallKind("american_football", ((Spindle(), oval.american_football),), poses.lying, 142,
             (*LAWN, *LAWN, *PLAIN), size=1.25),
    BallKind("baseball", ((SPHERE, stitched.baseball),), poses.free, 37,
             (grounds.grass, grounds.sand, grounds.court, *PLAIN)),
    BallKind("basketball", ((SPHERE, inflated.basketball),), poses.free, 120,
             (*HALL, grounds.asphalt, *PLAIN)),
    BallKind("billiard_ball", ((SPHERE, hard.billiard),), poses.facing((1, 0, 0), 48, 60), 29,
             (grounds.felt, grounds.felt, grounds.felt, grounds.studio), airborne=0.08),
    BallKind("bowling_ball", ((SPHERE, hard.bowling),), poses.facing((0.13, 0, 1), 42), 108,
             (grounds.planks, grounds.planks, *PLAIN), airborne=0.1),
    BallKind("cricket_ball", ((SPHERE, stitched.cricket),), poses.facing((1, 0, 0.2), 48), 36,
             (grounds.grass, grounds.grass, grounds.sand, *PLAIN)),
    BallKind("football", ((SPHERE, inflated.football),), poses.free, 110,
             (*LAWN, grounds.asphalt, *PLAIN)),
    BallKind("golf_ball", ((SPHERE, hard.golf),), poses.free, 21,
             (grounds.grass, grounds.grass, grounds.sand, *PLAIN)),
    BallKind("hockey_ball", ((SPHERE, hard.hockey),), poses.free, 36,
             (grounds.pitch, grounds.pitch, grounds.pitch, grounds.turf, grounds.studio),
             airborne=0.05, size=0.85),
    BallKind("hockey_puck", ((Disc(), odd.puck),), poses.flat, 38,
             (grounds.ice, grounds.ice, grounds.ice, grounds.studio), airborne=0.0, size=1.15),
    BallKind("rugby_ball", ((Ellipsoid((1, 0.66, 0.66)), oval.rugby),), poses.lying, 145,
             (*LAWN, *LAWN, *PLAIN), size=1.2),
    BallKind("shuttlecock", (
                (Ellipsoid((0.31, 0.31, 0.34), (0, 0, -0.66)), odd.cork),
                (Frustum(*odd.SKIRT), odd.skirt),
             ), poses.sideways, 43, (*HALL, grounds.turf, grounds.coloured_paper), airborne=0.45),
    BallKind("table_tennis_ball", ((SPHERE, hard.table_tennis),), poses.facing((1, 0, 0), 60), 20,
             (grounds.table, grounds.table, grounds.table, *PLAIN), airborne=0.1, size=0.9),
    BallKind("tennis_ball", ((SPHERE, stitched.tennis),), poses.free, 33,
             (grounds.court, grounds.court, grounds.grass, *PLAIN)),
    BallKind("volleyball", ((SPHERE, inflated.volleyball),), poses.free, 105,
             (grounds.sand, *HALL, *PLAIN)),
)  # fmt: skip

CATEGORIES: tuple[str, ...] = tuple(kind.category for kind in KINDS)
_BY_CATEGORY = {kind.category: kind for kind in KINDS}


def kind_of(category: str) -> BallKind:
    """The kind of ball of a category. Raises ValueError that names an unknown category."""
    if category not in _BY_CATEGORY:
        known = ", ".join(CATEGORIES)
        raise ValueError(f"unknown category {category!r}: expected one of {known}")
    return _BY_CATEGORY[category]


def backdrop_of(ground: Ground | None, rng: np.random.Generator, size: int) -> Array:
    """What is behind a ground, or behind a ball in the air (None): (3, size, size) linear."""
    if ground is None:
        choice = backdrops.BACKDROPS[int(rng.integers(len(backdrops.BACKDROPS)))]
    elif ground in PLAIN:
        choice = backdrops.studio_wall
    else:
        choice = backdrops.foliage if ground is grounds.grass else backdrops.blobs
    return choice(size, rng)
