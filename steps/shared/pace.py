"""How long a training will take on this machine, and how many epochs fit into the time it has."""

import json
import time
from dataclasses import replace
from pathlib import Path

from steps.shared import pretraining
from steps.shared.recipes import Recipe
from steps.shared.stage import write_json
from steps.shared.training import Start

PACE = "pace.json"
STEPS = 6
"""Optimiser steps that are timed, after as many that compile and warm up."""
FORWARD = 1 / 3
"""Cost of asking about a picture, as a share of training on it: the gradients by the weights and
by the features take as many multiply-adds again, each."""
TOLERANCE = 1.2
"""How much longer than allowed may be: below that, a machine's moods would choose the epochs."""


def pixels(recipe: Recipe, train: int, validation: int) -> float:
    """Pixels that a whole training computes on, those of validation counted at what they cost."""
    trained = sum(recipe.side(epoch) ** 2 for epoch in range(recipe.epochs)) * train
    drawn = recipe.drawn_epochs * recipe.side(0) ** 2 * pretraining.LEARNED
    return drawn + trained + recipe.epochs * recipe.size**2 * validation * FORWARD


def fitting(recipe: Recipe, train: int, validation: int, pixels_a_second: float) -> int:
    """The most epochs, 1 at least and the recipe's at most, that end within its max_minutes."""

    def minutes(epochs: int) -> float:
        shorter = replace(recipe, epochs=epochs)
        return pixels(shorter, train, validation) / pixels_a_second / 60

    if minutes(recipe.epochs) <= recipe.max_minutes * TOLERANCE:
        return recipe.epochs
    choices = range(2, recipe.epochs + 1)
    return max((n for n in choices if minutes(n) <= recipe.max_minutes), default=1)


def pixels_a_second(start: Start) -> float:
    """Speed of the first, smallest pictures, by a trainer that is thrown away afterwards."""
    trainer, train = start.trainer(steps=STEPS), start.data["train"]
    trainer.epoch(train.images, train.labels, 0)
    begun = time.perf_counter()
    trainer.epoch(train.images, train.labels, 0)
    seconds = time.perf_counter() - begun
    return STEPS * start.recipe.batch_size * start.recipe.side(0) ** 2 / seconds


def keep(start: Start, out: Path) -> Start:
    """The same start, with fewer epochs where this machine is too slow for the recipe's.

    What was chosen lies in `out`, so that a training that goes on after a kill keeps its epochs.
    """
    recipe = start.recipe
    if not recipe.max_minutes:
        return start
    identity = json.loads(json.dumps(start.identity))
    path = out / PACE
    found = json.loads(path.read_text()) if path.is_file() else {}
    if found.get("identity") != identity:
        train, validation = (len(start.data[part].images) for part in ("train", "validation"))
        epochs = fitting(recipe, train, validation, pixels_a_second(start))
        found = {"identity": identity, "epochs": epochs}
        write_json(path, found)
    epochs = found["epochs"]
    if epochs < recipe.epochs:
        print(
            f"train: {epochs} of the recipe's {recipe.epochs} epochs fit into "
            f"{recipe.max_minutes:g} minutes on this machine; --max-minutes 0 trains all."
        )
    return replace(start, recipe=replace(recipe, epochs=epochs))
