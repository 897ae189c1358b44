"""The loop over the epochs: train, measure on validation, keep what each epoch leaves."""

import mlflow
from tqdm import tqdm

from steps.shared.progress import Progress
from steps.shared.trainer import Trainer
from steps.shared.training import Data, measure


def run_epochs(
    trainer: Trainer, data: dict[str, Data], progress: Progress, name: str = "train"
) -> None:
    """Train from the first epoch that `progress` lacks to the recipe's last.

    name: of the progress bar; where it isn't "train", it stands before each metric's name too.
    """
    train, validation = data["train"], data["validation"]
    epochs = range(len(progress.history), trainer.recipe.epochs)

    def log(row: dict[str, float], epoch: int) -> None:
        prefix = "" if name == "train" else f"{name}_"
        mlflow.log_metrics({prefix + key: value for key, value in row.items()}, step=epoch)

    for epoch, row in enumerate(progress.history):
        log(row, epoch)
    with tqdm(total=trainer.recipe.epochs, initial=epochs.start, desc=name, unit="epoch") as bar:
        for epoch in epochs:
            row = trainer.epoch(train.images, train.labels, epoch)
            row |= measure(trainer.predict(validation.images), validation.labels)
            progress.record(trainer, row)
            log(row, epoch)
            bar.set_postfix({k: f"{v:.3f}" for k, v in row.items()})
            bar.update()
