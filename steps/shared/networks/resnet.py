"""A small residual network (He et al. 2016, in the pre-activation form), trained from scratch."""

import keras
from keras import layers

from steps.shared.networks.normalization import FusedBatchNormalization
from steps.shared.recipes import Recipe

STAGES = ((48, 2), (96, 2), (192, 2), (256, 2))
"""Filters and blocks of each stage; from the second on, a stage halves the side."""


def features(picture: keras.KerasTensor, recipe: Recipe) -> keras.KerasTensor:
    """(n, side, side, 3) RGB in [0, 255] to (n, side / 16, side / 16, 256).

    The stem halves the side at once: at full side one convolution costs as much as a block later.
    """
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    x = _convolution(x, 48, 3, 2)
    for number, (filters, blocks) in enumerate(STAGES):
        for block in range(blocks):
            x = _block(x, filters, 2 if number and not block else 1)
    return _active(x)


def _block(x: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
    """Two 3 × 3 convolutions beside a shortcut, which changes width and side where it must."""
    active = _active(x)
    shortcut = x
    if x.shape[-1] != filters:
        shortcut = layers.AveragePooling2D(2, padding="same")(active) if stride == 2 else active
        shortcut = _convolution(shortcut, filters, 1, 1)
    x = _convolution(active, filters, 3, stride)
    x = _convolution(_active(x), filters, 3, 1)
    return layers.Add()([shortcut, x])


def _active(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(FusedBatchNormalization(momentum=0.9, epsilon=1e-3)(x))


def _convolution(x: keras.KerasTensor, filters: int, side: int, stride: int) -> keras.KerasTensor:
    return layers.Conv2D(
        filters, side, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
