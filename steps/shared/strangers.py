"""Pictures that show none of the categories, whatever these are: drawn, never stored."""

import io

import numpy as np
from PIL import Image

from steps.sample import render_non_ball
from steps.served_model.pictures import decode

SIDE = 192


LEARNED, MEASURED = 1, 0
"""What is learned from is never what is measured on."""


def to_learn_from(count: int, seed: int, size: int) -> np.ndarray:
    """`count` strangers of every kind, (count, size, size, 3) uint8, as `dataprep` would have them.

    Of the same seed, picture i is the same at every size.
    """
    kinds = strangers(-(-count // 3), seed, LEARNED).values()
    drawn = [picture for alike in zip(*kinds, strict=True) for picture in alike]
    return np.stack([decode(picture, size) for picture in drawn[:count]])


def strangers(count: int, seed: int, purpose: int = MEASURED) -> dict[str, list[bytes]]:
    """PNG files by kind: "things" (boxes, cones, writing, …), "textures" and "plain" colours.

    count: pictures of each kind. seed, purpose: others draw others.
    """
    rng = np.random.default_rng([seed, purpose])
    return {
        "things": [_png(render_non_ball(rng, SIDE)) for _ in range(count)],
        "textures": [_png(_texture(rng)) for _ in range(count)],
        "plain": [_png(_plain(rng)) for _ in range(count)],
    }


def _texture(rng: np.random.Generator) -> Image.Image:
    """Noise of one grain, from salt and pepper to clouds, in two colours."""
    grain = int(rng.choice([2, 4, 8, 24, 96, SIDE]))
    small = Image.fromarray(rng.integers(0, 256, (grain, grain), dtype=np.uint8))
    share = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))[..., None] / 255
    first, second = rng.integers(0, 256, (2, 3))
    return Image.fromarray((first * share + second * (1 - share)).astype(np.uint8))


def _plain(rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), tuple(int(v) for v in rng.integers(0, 256, 3)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)  # a third of the time, and nobody keeps them
    return file.getvalue()
