"""How long a training will take on this machine, and how many epochs fit into the time it has."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

from steps.shared import pretraining
from steps.shared.recipes import Recipe
from steps.shared.stage import write_json
from steps.shared.training import Start, steps_an_epoch

PACE = "pace.json"
STEPS = 6
"""Optimiser steps that are timed at most, after as many that compile and warm up."""
FORWARD = 1 / 3
"""Cost of asking about a picture, as a share of training on it: the gradients by the weights and
by the features take as many multiply-adds again, each."""
TOLERANCE = 1.2
"""How much longer than allowed may be: below that, a machine's moods would choose the epochs."""


@dataclass(frozen=True)
class Pace:
    """What a training costs on this machine, in seconds."""

    step_s: float
    """an optimiser step whatever its pictures: moving the weights costs the same for small ones"""
    pixel_s: float
    """a pixel to train on, beside that"""

    @classmethod
    def through(cls, small: tuple[int, float], large: tuple[int, float]) -> Pace:
        """What explains two kinds of steps, each with its pixels and its seconds."""
        more = large[0] - small[0]
        pixel_s = (large[1] - small[1]) / more if more else large[1] / large[0]
        # Where the clock was off, and small pictures seemed as slow or large ones too slow.
        pixel_s = min(max(pixel_s, 0.0), large[1] / large[0])
        return cls(large[1] - pixel_s * large[0], pixel_s)

    def minutes(self, recipe: Recipe, train: int, validation: int) -> float:
        """Of a whole training; train, validation: how many pictures there are of each."""

        def epoch_s(how: Recipe, side: int, pictures: int) -> float:
            pixels = how.batch_size * side**2
            return steps_an_epoch(how, pictures) * (self.step_s + self.pixel_s * pixels)

        on_drawings = pretraining.on_drawings(recipe)
        drawn = recipe.drawn_epochs * epoch_s(on_drawings, recipe.side(0), pretraining.LEARNED)
        trained = sum(epoch_s(recipe, recipe.side(e), train) for e in range(recipe.epochs))
        asked = recipe.epochs * validation * recipe.size**2 * self.pixel_s * FORWARD
        return (drawn + trained + asked) / 60

    def fitting(self, recipe: Recipe, train: int, validation: int) -> int:
        """The most epochs, 1 at least and the recipe's at most, that end within max_minutes."""

        def minutes(epochs: int) -> float:
            return self.minutes(replace(recipe, epochs=epochs), train, validation)

        if minutes(recipe.epochs) <= recipe.max_minutes * TOLERANCE:
            return recipe.epochs
        choices = range(2, recipe.epochs + 1)
        return max((n for n in choices if minutes(n) <= recipe.max_minutes), default=1)


def measure(start: Start) -> Pace:
    """Times the smallest and the largest pictures, by a trainer that is thrown away afterwards."""
    train, recipe = start.data["train"], start.recipe
    steps = min(STEPS, steps_an_epoch(recipe, len(train.images)))
    trainer = start.trainer(steps=steps)
    timed = []
    sides = {recipe.side(epoch): epoch for epoch in (0, recipe.epochs - 1)}
    for side, epoch in sides.items():  # one, where pictures do not grow
        trainer.epoch(train.images, train.labels, epoch)
        begun = time.perf_counter()
        trainer.epoch(train.images, train.labels, epoch)
        seconds = (time.perf_counter() - begun) / steps
        timed.append((recipe.batch_size * side**2, seconds))
    return Pace.through(timed[0], timed[-1])


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
        epochs = measure(start).fitting(recipe, train, validation)
        found = {"identity": identity, "epochs": epochs}
        write_json(path, found)
    epochs = found["epochs"]
    if epochs < recipe.epochs:
        print(
            f"train: {epochs} of the recipe's {recipe.epochs} epochs fit into "
            f"{recipe.max_minutes:g} minutes on this machine; --max-minutes 0 trains all."
        )
    return replace(start, recipe=replace(recipe, epochs=epochs))
