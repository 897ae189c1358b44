"""The networks, by name: each turns a picture into a map of features; one head serves them all."""

from collections.abc import Callable

import keras
from keras import layers

from steps.shared.networks import applications, cnn, efficientnet_lite, resnet
from steps.shared.recipes import Recipe
from steps.shared.stage import StageError

Body = Callable[[keras.KerasTensor, Recipe], keras.KerasTensor]

STUDENT = "efficientnet_lite0"
"""What `student` is made like; it differs in size, and in whom it learns from."""


def _lite(name: str) -> Body:
    return lambda picture, recipe: efficientnet_lite.features(
        picture, name, recipe.stochastic_depth
    )


BODIES: dict[str, Body] = {
    "cnn": cnn.features,
    "resnet": resnet.features,
    **{name: _lite(name) for name in efficientnet_lite.SCALES},
    "student": _lite(STUDENT),
}


def _features(name: str, picture: keras.KerasTensor, recipe: Recipe) -> keras.KerasTensor:
    if name in BODIES:
        return BODIES[name](picture, recipe)
    return applications.features(picture, name)


def build(name: str, size: int, categories: int, recipe: Recipe) -> keras.Model:
    """A new network with random weights, in the precision that Keras is set to.

    Takes (n, side, side, 3) RGB in [0, 255], of any side unless the head is "flatten"; returns
    (n, categories) logits.
    """
    side = size if recipe.head == "flatten" else None
    picture = keras.Input((side, side, 3), name="picture")
    x = layers.Activation("linear", dtype="float32", name="features")(
        _features(name, picture, recipe)
    )
    if recipe.head == "flatten":
        x = layers.Flatten()(x)
        x = layers.Dense(256, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    else:
        x = layers.GlobalAveragePooling2D(dtype="float32", name="pooled")(x)
    x = layers.Dropout(recipe.dropout, dtype="float32")(x)
    logits = layers.Dense(categories, dtype="float32", name="logits")(x)
    network = keras.Model(picture, logits, name=name)
    _freeze(network, recipe.frozen_blocks)
    return network


def load_pretrained(network: keras.Model, name: str, weights: str | None) -> None:
    """Start from what the network learned on ImageNet. Raises StageError.

    weights: a file, for networks of keras.applications only; None: where they come from by default.
    """
    if name not in BODIES:
        applications.load_weights(network, name, weights)
    elif weights:
        raise StageError(f"--weights is for networks of keras.applications, not for {name}.")
    else:
        efficientnet_lite.load_imagenet(network, STUDENT if name == "student" else name)


def _freeze(network: keras.Model, blocks: int) -> None:
    """Keep the first blocks, and what comes before them, as they are."""
    frozen = ("stem", *(f"block{number}_" for number in range(blocks)))
    for layer in network.layers:
        if blocks and layer.name.startswith(frozen):
            layer.trainable = False
