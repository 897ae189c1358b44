"""Colours: written as sRGB hex codes, mixed and lit in linear light, encoded at the very end."""

from functools import cache

import numpy as np

from steps.sample.arrays import Array


def decode(srgb: Array) -> Array:
    """Linear light from sRGB, both in [0, 1] (IEC 61966-2-1)."""
    low, high = srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, low, high).astype(np.float32)


DECODE_TABLE = decode(np.linspace(0, 1, 256, dtype=np.float32))
"""Linear light of each 8-bit sRGB value, (256,)."""

_ENCODE_STEPS = 4096
_ENCODE_TABLE = np.array(
    [1.055 * x ** (1 / 2.4) - 0.055 if x > 0.0031308 else 12.92 * x
     for x in np.linspace(0, 1, _ENCODE_STEPS)],
    dtype=np.float32,
)  # fmt: skip


def encode(linear: Array) -> Array:
    """sRGB in [0, 1] from linear light of any range, which is clipped; by table for speed."""
    index = np.clip(linear, 0.0, 1.0) * np.float32(_ENCODE_STEPS - 1)
    return _ENCODE_TABLE[index.astype(np.int32)]


@cache
def hue(code: str) -> Array:
    """The linear colour (3,) of an sRGB code such as `#c8102e`; read-only."""
    red_green_blue = np.frombuffer(bytes.fromhex(code.lstrip("#")), dtype=np.uint8)
    colour = DECODE_TABLE[red_green_blue]
    colour.setflags(write=False)
    return colour


def shade_of(code: str, rng: np.random.Generator, spread: float = 0.12) -> Array:
    """A colour near an sRGB code: brightness and each channel vary by about `spread`."""
    factor = rng.normal(1.0, spread) * rng.normal(1.0, spread / 4, 3)
    return np.clip(hue(code) * factor, 0.0, 1.0).astype(np.float32)


def pick(codes: tuple[str, ...], rng: np.random.Generator, spread: float = 0.12) -> Array:
    """A colour near one of the codes, each as likely: (3,) linear."""
    return shade_of(codes[int(rng.integers(len(codes)))], rng, spread)


def any_colour(rng: np.random.Generator, saturation: float = 0.7) -> Array:
    """A random linear colour (3,); saturation in [0, 1]."""
    hues = 0.5 + 0.5 * np.cos(2 * np.pi * (rng.random() + np.array([0, 1 / 3, 2 / 3])))
    grey = rng.uniform(0.05, 0.8)
    return (grey * (1 - saturation) + saturation * grey * 1.6 * hues).astype(np.float32)


def eight_bit(colour: Array) -> tuple[int, int, int]:
    """The sRGB bytes of a linear colour (3,), for Pillow's drawing."""
    red, green, blue = (int(255 * value + 0.5) for value in encode(colour))
    return red, green, blue
