"""The networks of keras.applications, which fetch their own ImageNet weights."""

import inspect
import sys
from collections.abc import Callable

import keras

from steps.shared.stage import StageError


def _builders() -> dict[str, Callable[..., keras.Model]]:
    return {
        name.lower(): builder
        for name, builder in inspect.getmembers(keras.applications, inspect.isfunction)
        if name[0].isupper()
    }


def names() -> list[str]:
    """What may stand after --network, in lower case."""
    return sorted(_builders())


def features(picture: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """(n, side, side, 3) RGB in [0, 255] to the network's last map of features.

    Normalisation keeps the statistics that it learned on ImageNet.
    """
    builder = _builders()[name]
    body = builder(include_top=False, weights=None)
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    # Each network has a way of its own to scale pictures, in the module that defines it.
    return body(sys.modules[builder.__module__].preprocess_input(picture))


def load_weights(network: keras.Model, name: str, file: str | None) -> None:
    """Load ImageNet weights: from a file that Keras wrote, or as keras.applications fetches them.

    Raises StageError where neither is to be had.
    """
    builder = _builders()[name]
    body = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    try:
        if file:
            body.load_weights(file)
        else:
            body.set_weights(builder(include_top=False, weights="imagenet").get_weights())
    except Exception as error:
        hint = f"--weights {file} does not fit" if file else "its weights could not be fetched"
        raise StageError(
            f"--network {name}: {hint} ({str(error).splitlines()[0]}). With no internet, give "
            f"--weights FILE: written by keras.applications.{builder.__name__}"
            "(include_top=False).save_weights(FILE) where there is one."
        ) from error
