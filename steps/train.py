"""Trains a network on split's folder and packs it as an MLflow model.

Options, data, network, epochs, model: in that order. After every epoch all state is on disk, so a
training that was stopped goes on from its last epoch when it is started again with the same --out.
"""

import os
import shutil
import sys
from argparse import Namespace
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import mlflow
import numpy as np
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from tqdm import tqdm

from steps.shared import (
    cluster,
    devices,
    heads,
    networks,
    packaging,
    plots,
    recipes,
    registry,
    stage,
)
from steps.shared import teacher as teachers
from steps.shared.cluster import ONE, Workers
from steps.shared.progress import Progress
from steps.shared.recipes import Recipe
from steps.shared.stage import StageError
from steps.shared.table import read_table
from steps.shared.teacher import Teacher
from steps.shared.trainer import Trainer


@dataclass(frozen=True)
class Data:
    """One part of split's folder: images (n, size, size, 3) uint8 and labels (n,) int32."""

    images: np.ndarray
    labels: np.ndarray


def read_data(folder: Path) -> tuple[list[str], dict[str, Data]]:
    """The categories, in the order of the network's outputs, and the parts by name."""
    table = read_table(folder / "files.csv")
    categories = sorted(table["category"].unique())
    numbers = table["category"].map({name: i for i, name in enumerate(categories)})
    parts = {
        part: Data(
            np.load(folder / f"{part}.npy", mmap_mode="r"),
            numbers[table["split"] == part].to_numpy(np.int32),
        )
        for part in ("train", "validation")  # what only measures is not even opened
    }
    return categories, parts


def choose_recipe(args: Namespace) -> Recipe:
    """The network's recipe, with what the command line says instead. Raises StageError."""
    if args.network not in networks.names():
        raise StageError(
            f"--network {args.network} is unknown; there are: {', '.join(networks.BODIES)}, and "
            "any of keras.applications, in lower case."
        )
    recipe = recipes.find(args.network)
    known = {field.name for field in fields(Recipe)}
    given = {k: v for k, v in vars(args).items() if k in known and v is not None}
    if given.get("head", "average") not in ("average", "flatten"):
        raise StageError(f"--head {args.head} is unknown; there are: average, flatten.")
    if given.get("head") == "flatten":
        given["growth"] = (1.0,)  # a flattened picture has one size
    return replace(recipe, **given)


def find_teacher(args: Namespace, categories: list[str]) -> Teacher | None:
    """The model to learn from, and its pictures; None for "none". Raises StageError."""
    if args.teacher == "none":
        return None
    model = registry.fetch(args.teacher)
    if model.facts["categories"] != categories:
        raise StageError(f"--teacher {args.teacher} knows other categories than --data has.")
    stage.read_manifest(args.teacher_data)
    return teachers.read(model, Path(args.teacher_data))


def set_precision(wanted: str | None) -> str:
    """Make Keras compute in `wanted`, or in what the machine is quick at; returns which."""
    precision = wanted or devices.quick_precision()
    if precision not in devices.PRECISIONS:
        names = ", ".join(devices.PRECISIONS)
        raise StageError(f"--precision {precision} is unknown; there are: auto, {names}.")
    keras.mixed_precision.set_dtype_policy(precision)
    return precision


def train(trainer: Trainer, data: dict[str, Data], progress: Progress) -> None:
    """Train epoch by epoch, measure on validation, and keep what each epoch leaves."""
    train, validation = data["train"], data["validation"]
    epochs = range(len(progress.history), trainer.recipe.epochs)
    for epoch, row in enumerate(progress.history):
        mlflow.log_metrics(row, step=epoch)
    with tqdm(total=trainer.recipe.epochs, initial=epochs.start, desc="train", unit="epoch") as bar:
        for epoch in epochs:
            row = trainer.epoch(train.images, train.labels, epoch)
            row |= measure(trainer.predict(validation.images), validation.labels)
            progress.record(trainer, row)
            mlflow.log_metrics(row, step=epoch)
            bar.set_postfix({k: f"{v:.3f}" for k, v in row.items()})
            bar.update()


def start_from_pretrained(trainer: Trainer, args: Namespace, data: Data) -> None:
    """Start from a teacher of the same make, or from what the network learned elsewhere, and
    then fit its head before the rest may move."""
    if not (trainer.teacher and trainer.teacher.hand_down(trainer.network)):
        networks.load_pretrained(trainer.network, args.network, args.weights)
        heads.fit(trainer.network, data.images, data.labels)
    trainer.average.set_weights(trainer.network.get_weights())


def measure(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Cross-entropy and accuracy on validation. probabilities: (n, categories); labels: (n,)."""
    of_truth = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
    return {
        "validation_loss": float(-np.log(of_truth).mean()),
        "validation_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
    }


def work(args: Namespace, out: Path, workers: Workers = ONE) -> dict:
    """The stage: read, build, train, pack the network of the best epoch."""
    source = stage.read_manifest(args.data)
    recipe = choose_recipe(args)
    precision = set_precision(args.precision)
    categories, data = read_data(Path(args.data))
    recipe = replace(recipe, size=data["train"].images.shape[1])
    if len(data["train"].images) < recipe.batch_size:
        recipe = replace(recipe, batch_size=len(data["train"].images))
    log_inputs(recipe, precision, args.data, source["digest"])

    keras.utils.set_random_seed(args.seed)
    steps = len(data["train"].images) // recipe.batch_size
    teacher = find_teacher(args, categories)
    with workers.scope():
        network = networks.build(args.network, recipe.size, len(categories), recipe)
        trainer = Trainer(network, recipe, len(categories), steps, args.seed, teacher, workers)
    progress = Progress(
        out,
        {
            "recipe": asdict(recipe),
            "data": source["digest"],
            "network": args.network,
            "seed": args.seed,
            "precision": precision,
            "teacher": args.teacher,
        },
    )
    if workers.count == 1:  # the others kept nothing to go on from
        progress.resume(trainer)
    if recipe.pretrained and not progress.history:
        start_from_pretrained(trainer, args, data["train"])
    try:
        train(trainer, data, progress)
    finally:
        if progress.history:
            mlflow.log_artifact(str(progress.checkpoint), "checkpoints")
            mlflow.log_figure(plots.curves(progress.history, progress.best_epoch), "curves.png")

    trainer.average.load_weights(progress.best_weights)
    best = packaging.plain_copy(
        lambda: networks.build(args.network, recipe.size, len(categories), recipe),
        trainer.average,
    )
    shutil.rmtree(out / "model", ignore_errors=True)
    packaging.pack(
        best,
        out / "model",
        categories=categories,
        size=recipe.size,
        run_id=stage.run_id(),
        name=args.network,
        mirror=recipe.mirror,
        quantize_on=data["train"].images if recipe.quantized else None,
        validation=(data["validation"].images, data["validation"].labels),
    )
    mlflow.log_artifacts(str(out / "model"), "model")
    return summary(progress, best, categories)


def log_inputs(recipe: Recipe, precision: str, folder: str, digest: str) -> None:
    """Log what the result depends on: the recipe in full, the precision and the data."""
    values = asdict(recipe)
    mlflow.log_dict(values, "recipe.json")
    augmentation = values.pop("augmentation")
    mlflow.log_params({f"recipe.{name}": value for name, value in values.items()})
    mlflow.log_params({f"augmentation.{name}": value for name, value in augmentation.items()})
    mlflow.set_tags({"precision": precision, "data.digest": digest})
    source = CodeDatasetSource({"folder": folder})
    dataset = MetaDataset(source, name="photographs", digest=digest[:32])  # type: ignore[abstract]
    with suppress(MlflowException):  # not every server takes inputs; the tag says the same
        mlflow.log_input(dataset, context="training")


def summary(progress: Progress, network: keras.Model, categories: list[str]) -> dict:
    """What stage.json says of a training; printed too."""
    best = progress.history[progress.best_epoch]
    mlflow.log_metrics({"best_epoch": progress.best_epoch, "weights": network.count_params()})
    print(
        f"train: best of {len(progress.history)} epochs is {progress.best_epoch + 1}: "
        f"{best['validation_accuracy']:.1%} right on validation"
    )
    return {"files": ["model"], "categories": categories, "best_epoch": progress.best_epoch, **best}


def main() -> None:
    """The command. A cluster is joined before anything else: TensorFlow wants it so."""
    try:
        workers = cluster.join()
    except StageError as error:
        sys.exit(f"train: {error}")
    stage.run("train", partial(work, workers=workers), keep_partial=True, system_metrics=True)


if __name__ == "__main__":
    main()
