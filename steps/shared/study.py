"""An Optuna study in a file: what was tried and how it went, also after the process was killed."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import mlflow
import optuna
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from optuna.trial import FrozenTrial, TrialState

FILE = "study.db"
RUN = "mlflow_run"
"""Where a trial keeps the id of its MLflow run."""
STARTUP_TRIALS = 5
"""Trials that are never pruned: a median needs some."""
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def open_study(folder: Path, identity: dict, own: dict[str, float], epochs: int) -> optuna.Study:
    """Begin a study, or go on with the one in `folder` of the same identity.

    identity: whatever must be equal for trials to be compared. own: the values to try first, the
    recipe's. epochs: of a trial; in its first third none is pruned, since rates still rise.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    text = json.dumps(identity, sort_keys=True)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / FILE}",
        study_name=hashlib.sha256(text.encode()).hexdigest()[:16],
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(STARTUP_TRIALS, n_warmup_steps=max(1, epochs // 3)),
        load_if_exists=True,
    )
    if not study.trials:
        study.enqueue_trial(own)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        _try_again(study, trial)
    for trial in study.get_trials(states=DONE):
        _adopt(trial)
    return study


def ask(study: optuna.Study, seed: int) -> optuna.Trial:
    """The next trial. It depends on the seed and on the trials before, not on restarts."""
    study.sampler = optuna.samplers.TPESampler(seed=seed * 100_003 + done(study))
    return study.ask()


def done(study: optuna.Study) -> int:
    """How many trials came to an end, pruned ones included."""
    return len(study.get_trials(states=DONE))


def _try_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """What a killed process left half done starts again from its first epoch."""
    study.tell(trial.number, state=TrialState.FAIL)
    values = trial.params or trial.system_attrs.get("fixed_params")
    if values:
        study.enqueue_trial(values)
    # It may have been killed before it had a run, or the runs are kept elsewhere now.
    with suppress(KeyError, MlflowException):
        MlflowClient().set_terminated(trial.user_attrs[RUN], "KILLED")


def _adopt(trial: FrozenTrial) -> None:
    """Show a trial of an earlier start under this one's run, so that all are in one place."""
    active = mlflow.active_run()
    with suppress(KeyError, MlflowException):
        if active:
            MlflowClient().set_tag(trial.user_attrs[RUN], "mlflow.parentRunId", active.info.run_id)
