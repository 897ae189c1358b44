"""Training on several machines: who is there, and steps that all of them take together.

TF_CONFIG says who is there, as Azure ML sets it for `distribution: {type: tensorflow}`; without it,
or with one worker, nothing here does anything. Every worker draws the whole batch, as one machine
would, and learns from its share; gradients and batch statistics are summed between them
(tf.distribute.MultiWorkerMirroredStrategy), so that the weights stay equal everywhere.
"""

import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

import keras
import tensorflow as tf

from steps.shared.stage import StageError

TF_CONFIG = "TF_CONFIG"


class Workers:
    """One machine; what several do otherwise is in Several."""

    count, index = 1, 0

    def scope(self) -> AbstractContextManager:
        """Variables that are made inside exist on every worker, and stay equal."""
        return nullcontext()

    def prepare(self, network: keras.Model, batch_size: int) -> None:
        """Let batch normalisation see the whole batch. Raises StageError for an odd size."""

    def share(self, *batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The rows of a batch that this worker learns from."""
        return batch

    def together(self, step: Callable) -> Callable:
        """Compile a step; what it returns is the mean over the workers."""
        return tf.function(step)


class Several(Workers):
    """This machine among the workers of TF_CONFIG."""

    def __init__(self, count: int, index: int) -> None:
        self.count, self.index = count, index
        self.strategy  # noqa: B018 - TensorFlow wants it before anything else is computed

    @cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """What connects the workers; waits until all are there."""
        return tf.distribute.MultiWorkerMirroredStrategy()

    def scope(self) -> AbstractContextManager:
        return self.strategy.scope()

    def prepare(self, network: keras.Model, batch_size: int) -> None:
        if batch_size % self.count:
            raise StageError(
                f"--batch-size {batch_size} cannot be parted among {self.count} workers."
            )
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def share(self, *batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
        size = batch[0].shape[0] // self.count
        return tuple(rows[self.index * size : (self.index + 1) * size] for rows in batch)

    def together(self, step: Callable) -> Callable:
        @tf.function
        def on_all(*batch: object) -> tuple:
            results = self.strategy.run(step, batch)
            mean = tf.distribute.ReduceOp.MEAN
            return tuple(self.strategy.reduce(mean, value, axis=None) for value in results)

        return on_all


ONE = Workers()


def join() -> Workers:
    """Take the place that TF_CONFIG gives this process; first thing in a program.

    Only the first worker writes: what the others would log and save goes to a folder that is
    deleted when they end. Raises StageError where TF_CONFIG is none.
    """
    text = os.environ.get(TF_CONFIG)
    if not text:
        return ONE
    try:
        config = json.loads(text)
        config["cluster"] = {kind: who for kind, who in config["cluster"].items() if who}
        workers, index = config["cluster"]["worker"], int(config["task"]["index"])
        kinds = set(config["cluster"])
    except (ValueError, KeyError, TypeError) as error:
        raise StageError(f"{TF_CONFIG} is no description of a cluster: {text[:200]}") from error
    if kinds != {"worker"}:
        raise StageError(f"{TF_CONFIG} names {', '.join(sorted(kinds))}; only worker is known.")
    if len(workers) == 1:
        return ONE
    os.environ[TF_CONFIG] = json.dumps(config)  # Azure's has an empty list `ps`, which TensorFlow
    if index > 0:  # would wait for
        _write_aside()
    return Several(len(workers), index)


def _write_aside() -> None:
    folder = tempfile.mkdtemp(prefix="worker-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        os.environ.pop(name, None)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = folder
    sys.argv += ["--out", f"{folder}/out"]  # the last of two counts
