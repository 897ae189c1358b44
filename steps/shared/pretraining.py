"""What a network knows before its first photograph: from ImageNet, a teacher, or drawings.

A few thousand photographs are too few to learn from what pictures are made of. Drawings of balls
cost nothing, come in any number, and need nobody's weights.
"""

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from steps.sample import CATEGORIES, write_sample
from steps.shared import arrays, heads, networks
from steps.shared.cluster import ONE, Workers
from steps.shared.epochs import run_epochs
from steps.shared.progress import Progress
from steps.shared.recipes import Recipe
from steps.shared.trainer import Trainer
from steps.shared.training import Data, Start, steps_an_epoch

A_KIND = 1_600
"""Drawings of each kind of ball."""
HELD_BACK = 40
"""Of these, how many tell what was learned."""
LEARNED = len(CATEGORIES) * (A_KIND - HELD_BACK)
"""Drawings that a pass learns from."""
SIDE = 96
"""Pixels along the side of a drawing, before it is prepared as a photograph would be."""
FIRST_SEED = 1_000_000
"""Added to the seed: no drawing of `make demo` is among those that are learned from."""
LAST_RATE = 0.1
"""Share of the learning rate at the end; photographs take over before all has settled."""


def pretrain(start: Start, trainer: Trainer, folder: Path, workers: Workers = ONE) -> None:
    """Give a new network what it can know already. Raises StageError.

    folder: where a pretraining that was killed finds what it had done.
    """
    if start.recipe.pretrained:
        _take_over(start, trainer)
    elif start.recipe.drawn_epochs:
        _learn_from_drawings(start, trainer, folder, workers)
    trainer.average.set_weights(trainer.network.get_weights())


def _take_over(start: Start, trainer: Trainer) -> None:
    """Weights of a teacher of the same make, or those that were learned on ImageNet; then fit the
    head, before the rest may move."""
    if not (trainer.teacher and trainer.teacher.hand_down(trainer.network)):
        networks.load_pretrained(trainer.network, start.args.network, start.args.weights)
        heads.fit(trainer.network, start.data["train"].images, start.data["train"].labels)


def _learn_from_drawings(start: Start, trainer: Trainer, folder: Path, workers: Workers) -> None:
    recipe = on_drawings(start.recipe)
    if start.strangers is None:  # too few photographs to draw any for
        recipe = replace(recipe, strangers=0.0)
    drawn = replace(start, recipe=recipe, categories=list(CATEGORIES), teacher=None)
    data = draw(folder, drawn.recipe.size, start.args.seed)
    steps = steps_an_epoch(drawn.recipe, len(data["train"].images))
    learner = drawn.trainer(workers, steps)
    progress = Progress(folder, drawn.identity)
    if workers.count == 1:
        progress.resume(learner)
    run_epochs(learner, data, progress, "drawings")
    learned = learner.average.get_weights()
    if start.categories != drawn.categories:  # the last layer tells other things apart
        head = len(trainer.network.get_layer("logits").weights)
        learned[-head:] = trainer.network.get_weights()[-head:]
    trainer.network.set_weights(learned)


def on_drawings(recipe: Recipe) -> Recipe:
    """The recipe for the drawings: small pictures, and one kind of ball in each."""
    return replace(
        recipe,
        epochs=recipe.drawn_epochs,
        batch_size=recipe.drawings_a_step or recipe.batch_size,
        growth=recipe.growth[:1],
        final_rate=LAST_RATE,
        mixup=0.0,
        cutmix=0.0,
    )


def draw(folder: Path, size: int, seed: int) -> dict[str, Data]:
    """Drawings to train on, and others for validation, as `dataprep` would have them.

    folder: where they stay, for a training that was killed; size: side in pixels. The same seed
    draws the same.
    """
    labels = np.repeat(np.arange(len(CATEGORIES), dtype=np.int32), A_KIND)
    held_back = np.arange(len(labels)) % A_KIND < HELD_BACK
    # Those held back come first in the file, so that both parts stay on the disk, mapped.
    order, first = np.argsort(~held_back, kind="stable"), int(held_back.sum())
    path = folder / f"drawn-{size}-{seed}.npy"
    if not path.is_file():
        _render(path, size, seed, order)
    images, labels = np.load(path, mmap_mode="r"), labels[order]
    return {
        "train": Data(images[first:], labels[first:]),
        "validation": Data(images[:first], labels[:first]),
    }


def _render(path: Path, size: int, seed: int, order: np.ndarray) -> None:
    """Write (n, size, size, 3) uint8; order: (n,) int, rows of the drawings sorted by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as scratch:
        balls = Path(scratch)
        write_sample(balls, A_KIND, FIRST_SEED + seed, SIDE)
        names = sorted(str(file.relative_to(balls)) for file in balls.glob("*/*"))
        arrays.decode_files(balls, [names[i] for i in order], balls / path.name, size)
        os.replace(balls / path.name, path)
