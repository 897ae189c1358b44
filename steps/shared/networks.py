"""The networks, by name."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from steps.shared.recipes import Recipe

Build = Callable[[int, int, Recipe], keras.Model]
"""(size in pixels, number of categories, recipe) → network."""


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras' batch normalisation, its training step in one kernel of TensorFlow.

    Keras 3 writes it as a dozen element-wise operations, a third of a training step on a CPU.
    Weights and results are the same, so a network is saved with the plain layer.
    """

    def call(self, x: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        if not training or not tf.is_tensor(x):
            return super().call(x, training=training)
        normal, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma.value),
            offset=tf.convert_to_tensor(self.beta.value),
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=self.epsilon,
            is_training=True,
        )
        for running, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + batch * (1 - self.momentum))
        return normal


def convolution(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """A 3 × 3 convolution, batch normalisation and ReLU."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = FusedBatchNormalization(momentum=0.9, epsilon=1e-3)(x)
    return layers.ReLU()(x)


def cnn(size: int, categories: int, recipe: Recipe) -> keras.Model:
    """Three convolutional blocks (32, 64 × 2, 128 × 3 filters), a dense layer and a softmax.

    Takes (n, size, size, 3) RGB in [0, 255]; returns (n, categories) logits. The head is "average"
    (each filter's mean over the picture) or "flatten" (every position on its own).
    """
    average = recipe.head == "average"
    side = None if average else size
    picture = keras.Input((side, side, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    for filters, depth in ((32, 1), (64, 2), (128, 3)):
        for _ in range(depth):
            x = convolution(x, filters)
        x = layers.MaxPooling2D()(x)
        # Whole filters at a time: as good, and a tenth of a step less spent on random numbers.
        x = layers.SpatialDropout2D(recipe.dropout / 3)(x)
    x = layers.GlobalAveragePooling2D()(x) if average else layers.Flatten()(x)
    x = layers.Dense(256, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Dropout(recipe.dropout)(x)
    logits = layers.Dense(categories, dtype="float32", name="logits")(x)
    return keras.Model(picture, logits, name="cnn")


BUILDERS: dict[str, Build] = {"cnn": cnn}


def build(name: str, size: int, categories: int, recipe: Recipe) -> keras.Model:
    """A new network with random weights, in the precision that Keras is set to."""
    return BUILDERS[name](size, categories, recipe)
