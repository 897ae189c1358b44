"""Trains a network on split's folder and packs it as an MLflow model.

Options, data, network, epochs, model: in that order. After every epoch all state is on disk, so a
training that was stopped goes on from its last epoch when it is started again with the same --out.
"""

import shutil
import sys
from argparse import Namespace
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import keras
import mlflow
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException

from steps.shared import cluster, lineage, pace, packaging, plots, pretraining, stage, training
from steps.shared.cluster import ONE, Workers
from steps.shared.epochs import run_epochs
from steps.shared.progress import Progress
from steps.shared.recipes import Recipe
from steps.shared.stage import StageError
from steps.shared.table import read_table


def work(args: Namespace, out: Path, workers: Workers = ONE) -> dict:
    """The stage: read, build, train, pack the network of the best epoch."""
    start = training.begin(args)
    if workers.count == 1:  # several would each measure something else
        start = pace.keep(start, out)
    recipe, data = start.recipe, start.data
    log_inputs(recipe, start.precision, args.data, start.data_digest)
    trainer = start.trainer(workers)
    progress = Progress(out, start.identity)
    if workers.count == 1:  # the others kept nothing to go on from
        progress.resume(trainer)
    if not progress.history:
        pretraining.pretrain(start, trainer, out / "pretraining", workers)
    try:
        run_epochs(trainer, data, progress)
    finally:
        if progress.history:
            mlflow.log_artifact(str(progress.checkpoint), "checkpoints")
            mlflow.log_figure(plots.curves(progress.history, progress.best_epoch), "curves.png")

    trainer.average.load_weights(progress.best_weights)
    best = packaging.plain_copy(start.network, trainer.average)
    for rest in ("pretraining", "model"):
        shutil.rmtree(out / rest, ignore_errors=True)
    packaging.pack(
        best,
        out / "model",
        categories=start.categories,
        size=recipe.size,
        run_id=stage.run_id(),
        name=args.network,
        mirror=recipe.mirror,
        quantize_on=data["train"].images if recipe.quantized else None,
        validation=(data["validation"].images, data["validation"].labels),
    )
    lineage.record(out / "model", read_table(Path(args.data) / "files.csv"))
    mlflow.log_artifacts(str(out / "model"), "model")
    return summary(progress, best, start.categories)


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
