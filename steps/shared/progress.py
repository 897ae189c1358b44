"""What a training leaves on disk after every epoch, so that it can go on from there."""

import json
from pathlib import Path

import numpy as np

from steps.shared.stage import write_json
from steps.shared.trainer import Trainer

PROGRESS = "progress.json"


class Progress:
    """History by epoch, the weights of the best epoch, and the state to resume from."""

    def __init__(self, folder: Path, identity: dict) -> None:
        """identity: whatever must be the same for a training to be resumed."""
        self.folder, self.identity = folder, json.loads(json.dumps(identity))
        self.history: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        """Everything that resuming needs, as of the last epoch."""
        return self._checkpoint(len(self.history) - 1)

    def _checkpoint(self, epoch: int) -> Path:
        return self.folder / f"checkpoint-{epoch}.npz"

    @property
    def best_weights(self) -> Path:
        """The averaged weights after the best epoch."""
        return self.folder / f"best-{self.best_epoch}.weights.h5"

    @property
    def best_epoch(self) -> int:
        """The epoch, from 0, with the lowest loss on validation; the earliest of equals.

        Accuracy counts a few hundred pictures and so crowns a lucky epoch, long before the last.
        """
        return int(np.argmin([row["validation_loss"] for row in self.history]))

    def resume(self, trainer: Trainer) -> None:
        """Take up what an earlier attempt left, if it was the same training."""
        path = self.folder / PROGRESS
        if not path.is_file():
            return
        saved = json.loads(path.read_text())
        if saved["identity"] != self.identity:
            return
        self.history = saved["history"]
        trainer.load(self.checkpoint)

    def record(self, trainer: Trainer, row: dict[str, float]) -> None:
        """Add an epoch. The checkpoint is written first and named in progress.json, so that a
        kill between the two leaves the epoch before, whole."""
        trainer.save(self._checkpoint(len(self.history)))
        self.history.append(row)
        if self.best_epoch == len(self.history) - 1:
            trainer.average.save_weights(self.best_weights)
        write_json(self.folder / PROGRESS, {"identity": self.identity, "history": self.history})
        for path in [*self.folder.glob("checkpoint-*"), *self.folder.glob("best-*")]:
            if path not in (self.checkpoint, self.best_weights):
                path.unlink()
