"""The loop over the epochs: train, measure on validation, keep what each epoch leaves."""

import math

import mlflow
from tqdm import tqdm

from steps.shared.progress import Progress
from steps.shared.stage import StageError
from steps.shared.trainer import Trainer
from steps.shared.training import Data, measure


def run_epoch(trainer: Trainer, data: dict[str, Data], epoch: int) -> dict[str, float]:
    """Train on every picture once and measure on validation; epoch: from 0."""
    train, validation = data["train"], data["validation"]
    row = trainer.epoch(train.images, train.labels, epoch)
    return row | measure(trainer.predict(validation.images), validation.labels)


def run_epochs(
    trainer: Trainer, data: dict[str, Data], progress: Progress, name: str = "train"
) -> None:
    """Train from the first epoch that `progress` lacks to the recipe's last.

    name: of the progress bar; where it isn't "train", it stands before each metric's name too.
    """
    epochs = range(len(progress.history), trainer.recipe.epochs)

    def log(row: dict[str, float], epoch: int) -> None:
        prefix = "" if name == "train" else f"{name}_"
        mlflow.log_metrics({prefix + key: value for key, value in row.items()}, step=epoch)

    for epoch, row in enumerate(progress.history):
        log(row, epoch)
    with tqdm(total=trainer.recipe.epochs, initial=epochs.start, desc=name, unit="epoch") as bar:
        for epoch in epochs:
            row = run_epoch(trainer, data, epoch)
            _require_finite(row, epoch)
            progress.record(trainer, row)
            log(row, epoch)
            bar.set_postfix({k: f"{v:.3f}" for k, v in row.items()})
            bar.update()


def _require_finite(row: dict[str, float], epoch: int) -> None:
    """Raises StageError where the training diverged, before it counts as the best epoch."""
    wrong = [name for name, value in row.items() if not math.isfinite(value)]
    if wrong:
        raise StageError(
            f"the training diverged in epoch {epoch + 1} ({', '.join(wrong)}: not a number): "
            "set a lower --learning-rate, or --precision float32."
        )
