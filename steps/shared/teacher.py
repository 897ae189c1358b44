"""A trained network that another one learns from (knowledge distillation, Hinton et al. 2015)."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from steps.shared import networks
from steps.shared.augment import augment
from steps.shared.mixing import mix
from steps.shared.recipes import Recipe, find
from steps.shared.registry import PackedModel
from steps.shared.stage import StageError
from steps.shared.strangers import to_learn_from

VIEW = 0.75
"""Share of its size that a teacher looks at: crops show things larger than whole pictures do, and
half the pixels cost half the time."""


class Teacher:
    """Answers to the very view that the student sees (Beyer et al. 2022), at its own resolution."""

    def __init__(
        self, model: PackedModel, images: np.ndarray, strangers: np.ndarray | None = None
    ) -> None:
        """images: (n, size, size, 3) uint8, the student's training pictures at the teacher's size;
        strangers: (m, size, size, 3) uint8, likewise.

        The network computes in the precision that Keras is set to. Raises StageError.
        """
        facts = model.facts
        if images.shape[1] != facts["size"]:
            raise StageError(
                f"--teacher-data has pictures of {images.shape[1]} pixels and {model.uri} looks at "
                f"{facts['size']}."
            )
        self.strangers = strangers
        self.images, self.view = images, round(facts["size"] * VIEW)
        trained = keras.models.load_model(model.folder / "artifacts/network.keras", compile=False)
        self.network = networks.build(
            facts["name"], facts["size"], len(facts["categories"]), find(facts["name"])
        )
        self.network.set_weights(trained.get_weights())
        self.network.trainable = False

    def hand_down(self, network: keras.Model) -> bool:
        """Give a network of the same make the teacher's weights to start from; whether it is."""
        weights = self.network.get_weights()
        alike = [w.shape for w in weights] == [tuple(w.shape) for w in network.weights]
        if alike:
            network.set_weights(weights)
        return alike

    def targets(
        self, images: tf.Tensor, seeds: list[tf.Tensor], wanted: tf.Tensor, recipe: Recipe
    ) -> tf.Tensor:
        """(n, categories) float32: what the student should say of the view that `seeds` give.

        images: (n, size, size, 3) uint8; seeds: of augmentation and of mixing.
        """
        views = augment(images, seeds[0], recipe.augmentation, self.view)
        views, _ = mix(views, wanted, seeds[1], recipe)
        return tf.nn.softmax(tf.cast(self.network(views, training=False), tf.float32))


def read(model: PackedModel, folder: Path, strangers: int, seed: int) -> Teacher:
    """The teacher, the training pictures as split prepared them for it, and so many strangers."""
    images = np.load(folder / "train.npy", mmap_mode="r")
    drawn = to_learn_from(strangers, seed, images.shape[1]) if strangers else None
    return Teacher(model, images, drawn)
