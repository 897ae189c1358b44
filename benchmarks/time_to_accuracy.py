"""How long a plain Keras training takes to its final accuracy, and ours of `cnn` to the same.

python -m benchmarks.time_to_accuracy --data work/split        # split's folder, 72 pixels

The plain way is the usual tutorial's: `image_dataset_from_directory`, three blocks of
convolution and pooling, a dense layer, dropout, Adam, float32, 30 epochs. Both see the same
training photographs and are measured on the same validation photographs; its final accuracy is the
mean of its last five epochs. Ours is `cnn` with its recipe in 30 epochs, in the precision that
`train` would choose here and in float32, until it reaches that; and the head of
`efficientnet_lite0` on its frozen features, which is what its training begins with.
"""

import argparse
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from benchmarks import results
from steps.shared import options, pretraining, training
from steps.shared.epochs import run_epoch
from steps.shared.table import read_table
from steps.shared.training import Start, measure

EPOCHS, LAST = 30, 5
"""Of the plain training: how many, and how many of them make its final accuracy."""
OURS = 30
"""The most epochs of ours, with its recipe shortened to that."""

Curve = list[tuple[float, float]]
"""Seconds since the beginning and accuracy on validation, an epoch each."""


def folders(photos: Path, split: Path, scratch: Path) -> None:
    """train/category/*.jpg and validation/category/*.jpg, as links, as `split` parted them."""
    for row in read_table(split / "files.csv").itertuples():
        link = scratch / row.split / row.path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((photos / row.path).resolve())


def plain_network(categories: int) -> keras.Model:
    """Three blocks of 32, 64 and 128 filters, and a dense layer of 128."""
    blocks = [
        layer
        for filters in (32, 64, 128)
        for layer in (layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D())
    ]
    top = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    answer = layers.Dense(categories, activation="softmax")
    picture = keras.Input((64, 64, 3))
    return keras.Sequential([picture, layers.Rescaling(1 / 255), *blocks, *top, answer])


def plain(photos: Path, split: Path) -> Curve:
    """The tutorial's training."""
    keras.mixed_precision.set_dtype_policy("float32")
    with tempfile.TemporaryDirectory() as scratch:
        folders(photos, split, Path(scratch))
        parts = [
            keras.utils.image_dataset_from_directory(
                Path(scratch) / part, image_size=(64, 64), batch_size=32, label_mode="int"
            )
            for part in ("train", "validation")
        ]
        network = plain_network(len(parts[0].class_names))
        network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        curve: Curve = []
        begun = time.perf_counter()
        seen = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda _, logs: curve.append(
                (time.perf_counter() - begun, logs["val_accuracy"])
            )
        )
        network.fit(parts[0], validation_data=parts[1], epochs=EPOCHS, callbacks=[seen], verbose=2)
    return curve


def begin(split: Path, precision: str, network: str) -> Start:
    """Ours, with the recipe shortened to OURS epochs."""
    flags = ["--data", str(split), "--network", network, "--precision", precision]
    args: Namespace = options.parse("train", flags)
    start = training.begin(args)
    return replace(start, recipe=replace(start.recipe, epochs=OURS))


def ours(start: Start) -> Iterator[tuple[float, float]]:
    """Our training, epoch by epoch; the graph's compilation counts."""
    begun = time.perf_counter()
    trainer = start.trainer()
    for epoch in range(OURS):
        found = run_epoch(trainer, start.data, epoch)
        yield time.perf_counter() - begun, found["validation_accuracy"]


def frozen(start: Start) -> Iterator[tuple[float, float]]:
    """One point: a head fitted to features that were learned elsewhere."""
    begun = time.perf_counter()
    trainer, validation = start.trainer(), start.data["validation"]
    with tempfile.TemporaryDirectory() as scratch:
        pretraining.pretrain(start, trainer, Path(scratch))
    found = measure(trainer.predict(validation.images), validation.labels)
    yield time.perf_counter() - begun, found["validation_accuracy"]


WAYS = {
    "cnn_auto": (ours, "auto", "cnn"),
    "cnn_float32": (ours, "float32", "cnn"),
    "efficientnet_lite0_frozen": (frozen, "auto", "efficientnet_lite0"),
}


def until(curve: Iterator[tuple[float, float]], accuracy: float) -> Curve:
    """The curve as far as it needs to be."""
    seen: Curve = []
    for point in curve:
        print(f"{point[0]:6.1f} s  {point[1]:.1%}", flush=True)
        seen.append(point)
        if point[1] >= accuracy:
            break
    return seen


def rounded(curve: Curve) -> Curve:
    """Fit to be read."""
    return [(round(seconds, 1), round(accuracy, 4)) for seconds, accuracy in curve]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("work/split"), help="split's folder")
    parser.add_argument("--source", type=results.photographs, default=results.PHOTOS)
    args = parser.parse_args()
    reference = plain(args.source, args.data)
    goal = float(np.mean([accuracy for _, accuracy in reference[-LAST:]]))
    found = {"goal": round(goal, 4), "plain": rounded(reference)}
    for name, (way, precision, network) in WAYS.items():
        curve = until(way(begin(args.data, precision, network)), goal)
        share = curve[-1][0] / reference[-1][0] if curve[-1][1] >= goal else None
        found[name] = rounded(curve)
        found[f"{name}_share_of_time"] = share and round(share, 3)
    results.write("time_to_accuracy", found)


if __name__ == "__main__":
    main()
