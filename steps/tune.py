"""Searches better values for a network's recipe, by accuracy on validation photographs alone.

Each trial trains the network with other values and is a child run. The study is on disk, so the
same command goes on after a kill; with a larger --trials it goes on after the end, too.
"""

import shutil
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import optuna
import pandas as pd
from optuna.trial import TrialState
from tqdm import tqdm

from steps.shared import pretraining, search_space, stage, study, study_plots, training
from steps.shared.epochs import run_epoch
from steps.shared.recipes import Recipe
from steps.shared.trainer import Trainer
from steps.shared.training import Start, strengthen

BEST, TRIALS, PRETRAINING = "best.json", "trials.csv", "pretraining"


class Trials:
    """Trains a network from the same start with one set of values after the other."""

    def __init__(self, start: Start, out: Path) -> None:
        self.start, self.recipe, self.out = start, start.recipe, out
        self.searched = search_space.ranges(start.recipe, taught=start.teacher is not None)
        self._begun: list[np.ndarray] | None = None

    def run(self, trial: optuna.Trial) -> float | None:
        """The best accuracy on validation of any epoch; None where it was given up as poor."""
        values = search_space.draw(trial, self.searched)
        name = f"trial-{trial.number}"
        with mlflow.start_run(run_name=name, nested=True) as run:
            trial.set_user_attr(study.RUN, run.info.run_id)
            mlflow.log_params(values)
            trainer = self._trainer(with_values(self.recipe, values))
            best = 0.0
            for epoch in tqdm(range(self.recipe.epochs), desc=name, unit="epoch", leave=False):
                row = self._epoch(trainer, epoch)
                mlflow.log_metrics(row, step=epoch)
                best = max(best, row["validation_accuracy"])
                trial.report(row["validation_accuracy"], epoch)
                if trial.should_prune():
                    mlflow.set_tag("pruned", f"after epoch {epoch + 1}")
                    return None
            mlflow.log_metric("best_validation_accuracy", best)
        return best

    def _epoch(self, trainer: Trainer, epoch: int) -> dict[str, float]:
        return run_epoch(trainer, self.start.data, epoch)

    def _trainer(self, recipe: Recipe) -> Trainer:
        trainer = replace(self.start, recipe=recipe).trainer()
        # Once for all: what comes before the first photograph is the same in every trial.
        if self._begun is None:
            pretraining.pretrain(self.start, trainer, self.out / PRETRAINING)
            self._begun = trainer.network.get_weights()
        trainer.network.set_weights(self._begun)
        trainer.average.set_weights(self._begun)
        return trainer


def with_values(recipe: Recipe, values: dict[str, float]) -> Recipe:
    """The recipe with a trial's values."""
    values = dict(values)
    augmentation = strengthen(recipe.augmentation, values.pop("augmentation_strength", 1.0))
    return replace(recipe, augmentation=augmentation, **values)  # type: ignore[arg-type]


def search(
    begun: optuna.Study,
    run: Callable[[optuna.Trial], float | None],
    trials: int,
    minutes: float,
    seed: int,
) -> None:
    """Run trials until `trials` came to an end, or `minutes` are over (0: no limit) after one."""
    ends = time.monotonic() + (60 * minutes or float("inf"))
    finished = study.done(begun)
    with tqdm(total=trials, initial=finished, desc="tune", unit="trial") as bar:
        while finished < trials and (time.monotonic() < ends or not finished):
            trial = study.ask(begun, seed)
            value = run(trial)
            begun.tell(trial, value, state=None if value is not None else TrialState.PRUNED)
            finished += 1
            bar.set_postfix(best=f"{begun.best_value:.1%}")
            bar.update()


def table(begun: optuna.Study) -> pd.DataFrame:
    """A row a trial that came to an end: number, accuracy (a pruned one's best), pruned, values."""
    return pd.DataFrame(
        {
            "number": trial.number,
            "accuracy": max(trial.intermediate_values.values()),
            "pruned": trial.state == TrialState.PRUNED,
            **trial.params,
        }
        for trial in begun.get_trials(states=study.DONE)
    )


def work(args: Namespace, out: Path) -> dict:
    """The stage: read, search, draw, and say which flags were best."""
    start = training.begin(args)
    take_up(Path(args.out), out)
    trials = Trials(start, out)
    own = search_space.own_of(start.recipe)
    own = {r.name: own[r.name] for r in trials.searched}
    begun = study.open_study(out, start.identity, own, start.recipe.epochs)
    try:
        search(begun, trials.run, args.trials, args.timeout, args.seed)
    finally:
        if study.done(begun):
            draw(table(begun), trials.searched, out)
    shutil.rmtree(out / PRETRAINING, ignore_errors=True)
    best = summary(begun, args, len(start.data["validation"].labels))
    stage.write_json(out / BEST, best)
    mlflow.log_artifact(str(out / BEST))
    report(best)
    return {"files": [BEST], **best}


def take_up(finished: Path, out: Path) -> None:
    """Go on with the study of an earlier, finished search, where there is one."""
    if (finished / study.FILE).is_file() and not (out / study.FILE).exists():
        shutil.copy(finished / study.FILE, out / study.FILE)


def draw(trials: pd.DataFrame, searched: list[search_space.Range], out: Path) -> None:
    """Log what has been tried so far: a table and two pictures."""
    trials.to_csv(out / TRIALS, index=False)
    mlflow.log_artifact(str(out / TRIALS))
    mlflow.log_figure(study_plots.history(trials), "history.png")
    mlflow.log_figure(study_plots.parallel(trials, searched), "parallel_coordinates.png")


def summary(begun: optuna.Study, args: Namespace, pictures: int) -> dict:
    """What best.json says. pictures: how many validate."""
    best = begun.best_trial
    values = {name: float(f"{v:.{search_space.DIGITS}g}") for name, v in best.params.items()}
    accuracy = begun.best_value
    states = [trial.state for trial in begun.trials]
    figures = {
        "validation_accuracy": accuracy,
        # of a share among n pictures: what differs by less is as likely chance
        "standard_error": (accuracy * (1 - accuracy) / pictures) ** 0.5,
        "trials": study.done(begun),
        "pruned": states.count(TrialState.PRUNED),
    }
    mlflow.log_metrics(figures)
    mlflow.log_params({f"best.{name}": value for name, value in values.items()})
    return {
        "network": args.network,
        "trial": best.number,
        "values": values,
        "flags": search_space.flags(values),
        "parameters": search_space.parameters(values),
        **figures,
    }


def report(best: dict) -> None:
    """Say what was best and how to train with it."""
    print(
        f"tune: {best['trials']} trials, {best['pruned']} of them pruned; the best, trial "
        f"{best['trial']}, is right on {best['validation_accuracy']:.1%} of validation "
        f"(standard error {best['standard_error']:.1%})\n"
        f"tune: mlflow run . --env-manager=local -P source=… -P network={best['network']} "
        f"{best['parameters']}"
    )


if __name__ == "__main__":
    stage.run("tune", work, keep_partial=True, system_metrics=True)
