"""Pictures a second of a training, beside what the processor can do at most, and of loaders.

python -m benchmarks.training_speed                    # every network, on noise
python -m benchmarks.training_speed --network cnn --precision float32

The limit is the speed of a large matrix product in the same precision; of a training step, three
times the multiply-adds of a forward pass are counted as useful (Kaplan et al. 2020, without the
optimiser). The loaders read the photographs as a tutorial would, and ours as train does.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2_as_graph,
)

from benchmarks import results
from steps.shared import arrays, devices, networks, recipes
from steps.shared.augment import augment
from steps.shared.trainer import Trainer

CATEGORIES, STEPS, SIDE = 15, 12, 4096


def peak(precision: str) -> float:
    """Multiply-adds a second, in billions, of a square matrix product on all cores."""
    kind = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
    product = devices.product_timer(kind, SIDE)
    return SIDE**3 / min(product() for _ in range(5)) / 1e9


def multiply_adds(network: keras.Model, side: int) -> float:
    """Of a forward pass of one picture, in billions, as TensorFlow's profiler counts them."""
    shape = tf.TensorSpec((1, side, side, 3))
    traced = tf.function(lambda x: network(x, training=False)).get_concrete_function(shape)
    graph = convert_variables_to_constants_v2_as_graph(traced)[0].graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, options=options)
    return counted.total_float_ops / 2 / 1e9


def training(name: str, precision: str) -> dict[str, float]:
    """Pictures a second of a network's own recipe at its full training size."""
    recipe = recipes.find(name)
    side = round(recipe.size * recipe.growth[-1])
    recipe = replace(recipe, size=side, growth=(1.0,), strangers=0.0, teacher="none")
    pictures = STEPS * recipe.batch_size
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (pictures, side, side, 3), np.uint8)
    labels = rng.integers(0, CATEGORIES, pictures).astype(np.int32)
    network = networks.build(name, side, CATEGORIES, recipe)
    trainer = Trainer(network, recipe, CATEGORIES, STEPS, 0)
    trainer.epoch(images, labels, 0)  # compiles
    begun = time.perf_counter()
    trainer.epoch(images, labels, 1)
    speed = pictures / (time.perf_counter() - begun)
    with devices.computing_in("float32"):
        plain = networks.build(name, side, CATEGORIES, recipe)
    work = multiply_adds(plain, side)
    return {
        "side": side,
        "pictures_per_second": round(speed, 1),
        "forward_giga_multiply_adds": round(work, 3),
        "share_of_peak": round(3 * work * speed / peak(precision), 3),
    }


def pictures_a_second(batches: Callable[[], Iterable], count: int) -> float:
    """Of one pass over what `batches` gives, after one to warm up."""
    for _ in batches():
        pass
    begun = time.perf_counter()
    for _ in batches():
        pass
    return round(count / (time.perf_counter() - begun), 1)


def loaders(photos: Path, side: int, batch: int, scratch: Path) -> dict[str, float]:
    """Pictures a second of an epoch's reading and changing of pictures, without a network."""
    names = sorted(p.relative_to(photos).as_posix() for p in photos.glob("*/*.jpg"))
    arrays.decode_files(photos, names, scratch, side)
    images, how = np.load(scratch, mmap_mode="r"), recipes.find("cnn").augmentation
    change = tf.function(lambda x, seed: augment(x, seed, how, side))

    def ours() -> Iterable:
        for step, i in enumerate(range(0, len(names), batch)):
            yield change(tf.constant(images[i : i + batch]), tf.constant([0, step]))

    changes = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(0.06),
            keras.layers.RandomZoom(0.2),
            keras.layers.RandomContrast(0.3),
        ]
    )

    def directory() -> Iterable:
        found = keras.utils.image_dataset_from_directory(
            photos, image_size=(side, side), batch_size=batch, verbose=False
        )
        return found.map(lambda x, _: changes(x, training=True), tf.data.AUTOTUNE).prefetch(2)

    def generator() -> Iterable:
        made = tf.keras.preprocessing.image.ImageDataGenerator(
            rotation_range=20, width_shift_range=0.1, zoom_range=0.3, horizontal_flip=True
        )
        found = made.flow_from_directory(photos, (side, side), batch_size=batch)
        return (found[i] for i in range(len(found)))

    ways = {
        "train": ours,
        "image_dataset_from_directory": directory,
        "ImageDataGenerator": generator,
    }
    return {name: pictures_a_second(way, len(names)) for name, way in ways.items()}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", action="append", help="may be repeated; default: all")
    parser.add_argument("--precision", choices=devices.PRECISIONS, help="default: the quicker")
    parser.add_argument("--photos", type=results.photographs, default=results.PHOTOS)
    args = parser.parse_args()
    precision = args.precision or devices.quick_precision()
    keras.mixed_precision.set_dtype_policy(precision)
    done = {}
    for name in args.network or list(recipes.RECIPES):
        done[name] = training(name, precision)
        print(name, done[name], flush=True)
    scratch = Path("work/benchmarks/loader.npy")
    scratch.parent.mkdir(parents=True, exist_ok=True)
    results.write(
        "training_speed",
        {
            "precision": precision,
            "peak_giga_multiply_adds_per_second": round(peak(precision), 1),
            "networks": done,
            "loaders_pictures_per_second": loaders(args.photos, 64, 64, scratch),
        },
        results.whole(parser, args, "network", "precision"),
    )
    scratch.unlink()


if __name__ == "__main__":
    main()
