"""The default: three convolutional blocks, small enough to train on a laptop."""

import keras
from keras import layers

from steps.shared.networks.normalization import FusedBatchNormalization
from steps.shared.recipes import Recipe


def features(picture: keras.KerasTensor, recipe: Recipe) -> keras.KerasTensor:
    """Three blocks of 1, 2 and 3 convolutions with 32, 64 and 128 filters.

    picture: (n, side, side, 3) RGB in [0, 255]. Returns (n, side / 8, side / 8, 256): the last
    convolution looks at one place at a time, so that averaging it loses no place's vote.
    """
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    for filters, depth in ((32, 1), (64, 2), (128, 3)):
        for _ in range(depth):
            x = _convolution(x, filters, 3)
        x = layers.MaxPooling2D()(x)
        # Whole filters at a time: as good, and a tenth of a step less spent on random numbers.
        x = layers.SpatialDropout2D(recipe.dropout / 3)(x)
    return _convolution(x, 256, 1)


def _convolution(x: keras.KerasTensor, filters: int, side: int) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters, side, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.ReLU()(FusedBatchNormalization(momentum=0.9, epsilon=1e-3)(x))
