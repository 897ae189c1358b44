"""Trains a network: one compiled step, and all state that an epoch leaves behind.

Randomness depends on seed, epoch and step alone, so an epoch has the same result whether or not
the process was killed and started again before it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from steps.shared.augment import augment
from steps.shared.cluster import ONE, Workers
from steps.shared.mixing import mix
from steps.shared.optimizers import make_optimizer
from steps.shared.recipes import Recipe
from steps.shared.teacher import Teacher

STRANGE = -1
"""Label of a picture that shows none of the categories."""


class Trainer:
    """A network, its running average, and the optimiser between them."""

    def __init__(
        self,
        network: keras.Model,
        recipe: Recipe,
        categories: int,
        steps: int,
        seed: int,
        teacher: Teacher | None = None,
        workers: Workers = ONE,
        strangers: np.ndarray | None = None,
    ) -> None:
        """steps: optimiser steps an epoch; a shorter last batch is left out.

        teacher: what it says is learned instead of the labels. workers: who takes each step.
        strangers: (m, size, size, 3) uint8, pictures of no category; needed where the recipe has a
        share for them.
        """
        self.network, self.recipe, self.categories = network, recipe, categories
        self.steps, self.seed, self.teacher = steps, seed, teacher
        self.workers, self.strangers = workers, strangers
        workers.prepare(network, recipe.batch_size)
        self.optimizer = make_optimizer(recipe, steps, network)
        self.average = keras.models.clone_model(network)
        self.average.set_weights(network.get_weights())
        self._step = workers.together(self._step_eagerly)
        self._probabilities = tf.function(self._probabilities_eagerly, reduce_retracing=True)

    def epoch(self, images: np.ndarray, labels: np.ndarray, epoch: int) -> dict[str, float]:
        """Train on every picture once; returns the mean loss and accuracy on changed pictures.

        images: (n, size, size, 3) uint8; labels: (n,) int; epoch: from 0.
        """
        self._reseed(epoch)
        size = self.recipe.side(epoch)
        sums = np.zeros(2)
        for step, (rows, strange) in enumerate(self._batches(len(images), epoch)):
            seed = tf.constant([self.seed, epoch * self.steps + step], tf.int32)
            batch = _joined(images[rows], self.strangers, strange)
            taught = self.teacher and _joined(
                self.teacher.images[rows], self.teacher.strangers, strange
            )
            known = np.concatenate([labels[rows], np.full(len(strange), STRANGE, labels.dtype)])
            sums += np.array(self._step(batch, tf.constant(known), seed, size, taught))
        loss, accuracy = sums / self.steps
        return {"loss": float(loss), "accuracy": float(accuracy)}

    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Probabilities (n, categories) float32 by the averaged weights."""
        parts = [
            self._probabilities(tf.constant(images[i : i + batch_size])).numpy()
            for i in range(0, len(images), batch_size)
        ]
        return np.concatenate(parts)

    def save(self, path: Path) -> None:
        """Write weights, average and optimiser state, whole or not at all."""
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, *[v.numpy() for v in self._state()])
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Take up the state that `save` wrote. Raises ValueError where it is another network's."""
        with np.load(path) as saved:
            values = list(saved.values())
        state = self._state()
        if [v.shape for v in values] != [tuple(v.shape) for v in state]:
            raise ValueError(f"{path} holds the state of another network")
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)

    def _step_eagerly(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        seed: tf.Tensor,
        size: int,
        taught: tf.Tensor | None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        seeds = tf.random.split(seed, 2)
        pictures = augment(images, seeds[0], self.recipe.augmentation, size)
        smooth = self.recipe.label_smoothing
        wanted = tf.one_hot(labels, self.categories) * (1 - smooth) + smooth / self.categories
        wanted = tf.where(labels[:, None] == STRANGE, 1 / self.categories, wanted)
        if self.teacher:
            wanted = self.teacher.targets(taught, seeds, wanted, self.recipe)
            pictures, _ = mix(pictures, wanted, seeds[1], self.recipe)
        else:
            pictures, wanted = mix(pictures, wanted, seeds[1], self.recipe)
        pictures, wanted = self.workers.share(pictures, wanted)
        with tf.GradientTape() as tape:
            logits = tf.cast(self.network(pictures, training=True), tf.float32)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
            mine = loss / self.workers.count  # gradients are summed over the workers
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(mine, variables), variables)
        self._move_average()
        # Of a mixed picture, the label of the larger part counts.
        hits = tf.equal(tf.argmax(logits, axis=1), tf.argmax(wanted, axis=1))
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

    def _move_average(self) -> None:
        # A short memory at first, as in TensorFlow's ExponentialMovingAverage.
        step = tf.cast(self.optimizer.iterations, tf.float32)
        memory = tf.minimum(self.recipe.weight_average, (1 + step) / (10 + step))
        for mean, weight in zip(self.average.weights, self.network.weights, strict=True):
            mean.assign(memory * mean + (1 - memory) * tf.cast(weight, mean.dtype))

    def _probabilities_eagerly(self, images: tf.Tensor) -> tf.Tensor:
        logits = self.average(tf.cast(images, tf.float32), training=False)
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    def _batches(self, n: int, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of the pictures and rows of the strangers that make up each step's batch."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(n)
        strangers = 0 if self.strangers is None else self.recipe.strangers_a_batch
        size = self.recipe.batch_size - strangers
        for step in range(self.steps):
            strange = rng.integers(
                0, 1 if self.strangers is None else len(self.strangers), strangers
            )
            yield order[step * size : (step + 1) * size], strange

    def _reseed(self, epoch: int) -> None:
        for i, state in enumerate(self._random_states()):
            state.assign(np.random.SeedSequence([self.seed, epoch, i]).generate_state(2))

    def _random_states(self) -> list[keras.Variable]:
        weights = {id(v) for v in self.network.weights}
        return [v for v in self.network.variables if id(v) not in weights]

    def _state(self) -> list[keras.Variable]:
        return [*self.network.weights, *self.average.weights, *self.optimizer.variables]


def _joined(pictures: np.ndarray, strangers: np.ndarray | None, rows: np.ndarray) -> tf.Tensor:
    if strangers is None or not len(rows):
        return tf.constant(pictures)
    return tf.constant(np.concatenate([pictures, strangers[rows]]))
