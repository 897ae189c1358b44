"""tune: searches on validation alone, shows every trial, and goes on after a kill."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from steps.shared import options, recipes, search_space, study
from steps.shared.recipes import Augmentation
from steps.shared.stage import read_manifest
from steps.shared.training import WIDEST, Data, Start, choose_recipe, strengthen
from steps.tune import Trials, search, with_values

ROOT = Path(__file__).parents[2]
OWN = search_space.own_of(recipes.find("cnn"))
IDENTITY = {"network": "cnn"}


@pytest.fixture(scope="module")
def blind(house, tmp_path_factory):
    """split's folder without its test photographs."""
    folder = shutil.copytree(house.split, tmp_path_factory.mktemp("blind") / "split")
    (folder / "test.npy").unlink()
    return folder


@pytest.fixture(scope="module")
def tuned(blind, tmp_path_factory, run_all):
    """A search of two trials of two epochs each; not to be changed."""
    flags = ["--data", blind, "--trials", 2, "--epochs", 2, "--precision", "float32"]
    return run_all(tmp_path_factory.mktemp("tuned"), {"tune": flags})


@pytest.fixture
def canned(tracking, monkeypatch, tmp_path):
    """Trials that say what they are told instead of training: accuracies by trial number."""

    def canned(accuracies: list[list[float]]) -> Trials:
        recipe = replace(recipes.find("cnn"), epochs=len(accuracies[0]))
        nothing = Data(np.zeros((1, 8, 8, 3), np.uint8), np.zeros(1, np.int32))
        start = Start(
            SimpleNamespace(),
            recipe,
            "float32",
            "digest",
            ["a", "b"],
            {"train": nothing},
            None,
            None,
        )
        trials = Trials(start, tmp_path)
        numbers = iter(accuracies)
        monkeypatch.setattr(trials, "_trainer", lambda _: next(numbers))
        monkeypatch.setattr(
            trials, "_epoch", lambda rows, epoch: {"validation_accuracy": rows[epoch]}
        )
        return trials

    return canned


def children(client, parent):
    runs = client.search_runs([parent.info.experiment_id])
    wanted = parent.info.run_id
    return [run for run in runs if run.data.tags.get("mlflow.parentRunId") == wanted]


def opened(folder, epochs=3):
    return study.open_study(folder, IDENTITY, OWN, epochs)


def test_every_trial_is_a_child_run_with_its_values_and_curves(tuned):
    client = MlflowClient(tuned.tracking)
    runs = children(client, tuned.runs["tune"])

    assert sorted(run.info.run_name for run in runs) == ["trial-0", "trial-1"]
    for run in runs:
        assert set(run.data.params) == set(OWN)
        steps = [m.step for m in client.get_metric_history(run.info.run_id, "validation_accuracy")]
        assert steps == [0, 1]


def test_the_first_trial_is_the_recipe_itself(tuned):
    first = pd.read_csv(tuned.tune / "trials.csv").iloc[0]

    assert {name: first[name] for name in OWN} == pytest.approx(OWN)


def test_pictures_and_flags_are_artefacts(tuned):
    run = tuned.runs["tune"]
    names = {f.path for f in MlflowClient(tuned.tracking).list_artifacts(run.info.run_id)}

    assert {"history.png", "parallel_coordinates.png", "best.json", "trials.csv"} <= names
    assert run.data.metrics["trials"] == 2


def test_the_flags_are_what_train_and_main_take(tuned):
    best = json.loads((tuned.tune / "best.json").read_text())

    for stage in ("train", "main"):
        args = options.parse(stage, best["flags"].split())
        assert {name: getattr(args, name) for name in best["values"]} == best["values"]
    assert best["parameters"].count("-P ") == len(best["values"])
    assert read_manifest(tuned.tune)["values"] == best["values"]


def test_what_is_printed_can_be_copied(tuned, run_stage, blind, tmp_path, capsys):
    shutil.copytree(tuned.tune, tmp_path / "out")
    flags = ["--data", blind, "--trials", 2, "--epochs", 2, "--precision", "float32"]

    outcome = run_stage("tune", *flags, "--out", tmp_path / "out")

    assert outcome.code == 0, outcome.run.data.tags
    said = capsys.readouterr().out
    assert "tune: mlflow run . --env-manager=local -P source=… -P network=cnn -P lear" in said
    assert "2 trials" in said, "a finished search is not repeated"


def test_a_killed_trial_starts_again_with_the_same_values(tmp_path):
    before = opened(tmp_path)
    trial = study.ask(before, seed=1)
    values = search_space.draw(trial, search_space.ranges(recipes.find("cnn"), taught=False))

    again = study.ask(opened(tmp_path), seed=1)

    assert again.number == 1
    assert search_space.draw(again, search_space.ranges(recipes.find("cnn"), False)) == values
    assert opened(tmp_path).trials[0].state == TrialState.FAIL


def test_a_killed_trials_run_ends_as_killed(tracking, tmp_path):
    trial = study.ask(opened(tmp_path), seed=1)
    run = mlflow.MlflowClient().create_run(mlflow.set_experiment("tests").experiment_id)
    trial.set_user_attr(study.RUN, run.info.run_id)

    opened(tmp_path)

    assert MlflowClient().get_run(run.info.run_id).info.status == "KILLED"


def test_trials_of_an_earlier_start_are_shown_under_the_new_run(canned, tmp_path):
    rows = [[0.5, 0.5, 0.5]] * 4
    for trials in (2, 4):
        with mlflow.start_run() as parent:
            search(opened(tmp_path), canned(rows).run, trials, 0, seed=1)

    assert len(children(MlflowClient(), MlflowClient().get_run(parent.info.run_id))) == 4


def test_a_search_that_was_killed_tries_what_another_tries(canned, tmp_path):
    searched = search_space.ranges(recipes.find("cnn"), taught=False)
    rows = [[0.1 * n, 0.1 * n, 0.1 * n] for n in range(6)]
    for folder, goes in (("one", (6,)), ("two", (2, 6))):
        (tmp_path / folder).mkdir()
        for trials in goes:
            begun = opened(tmp_path / folder)
            search(begun, canned(rows[study.done(begun) :]).run, trials, 0, seed=1)
            if trials < 6:  # killed in the middle of the next
                search_space.draw(study.ask(begun, seed=1), searched)

    one, two = (
        [t.params for t in opened(tmp_path / name).get_trials(states=study.DONE)]
        for name in ("one", "two")
    )
    assert one == two
    assert len({tuple(params.values()) for params in one}) == 6


def test_a_poor_trial_is_given_up(canned, tmp_path):
    good = [[0.5, 0.6, 0.7]] * study.STARTUP_TRIALS
    begun = opened(tmp_path)

    search(begun, canned([*good, [0.1, 0.1, 0.1]]).run, len(good) + 1, 0, seed=1)

    assert begun.trials[-1].state == TrialState.PRUNED
    assert len(begun.trials[-1].intermediate_values) == 2


def test_no_trial_begins_after_the_time_is_over(canned, tmp_path):
    begun = opened(tmp_path)

    search(begun, canned([[0.5]] * 9).run, 9, minutes=1e-9, seed=1)

    assert study.done(begun) == 1


def test_another_recipe_is_another_study(tmp_path):
    study.ask(opened(tmp_path), seed=1)

    other = study.open_study(tmp_path, {"network": "resnet"}, OWN, 3)

    assert [trial.state for trial in other.trials] == [TrialState.WAITING]


def test_each_range_holds_what_the_recipe_says():
    for name in recipes.RECIPES:
        own = search_space.own_of(recipes.find(name))
        for each in search_space.ranges(recipes.find(name), taught=False):
            assert each.low <= own[each.name] <= each.high


def test_a_search_of_few_trials_stays_between_the_recipe_and_the_ends():
    for name in recipes.RECIPES:
        own = search_space.own_of(recipes.find(name))
        for each in search_space.ranges(recipes.find(name), taught=False):
            tried = search_space.choices(each, own[each.name])
            assert own[each.name] in tried
            assert each.low <= tried[0] < tried[-1] <= each.high


def test_what_a_teacher_replaces_is_not_searched():
    names = [r.name for r in search_space.ranges(recipes.find("student"), taught=True)]

    assert "label_smoothing" not in names
    assert "mixup" in names


def test_a_trials_values_are_what_its_flags_give():
    values = {"learning_rate": 0.0312, "mixup": 0.25, "augmentation_strength": 0.8}
    args = options.parse("train", search_space.flags(values).split())

    assert with_values(recipes.find("cnn"), values) == choose_recipe(args)


def test_augmentation_grows_with_its_strength_up_to_what_is_possible():
    how = Augmentation(rotation=20, blur=0.4, erase=0.4)

    assert strengthen(how, 1.0) == how
    assert strengthen(how, 0.5).rotation == 10
    assert strengthen(how, 0.0).flip
    assert asdict(strengthen(how, 100)) == {**WIDEST, "flip": True}


@pytest.mark.slow
def test_a_killed_search_goes_on(blind, tracking, tmp_path):
    command = [sys.executable, "-m", "steps.tune", "--data", str(blind), "--trials", "3"]
    command += ["--epochs", "40", "--precision", "float32", "--out", str(tmp_path / "out")]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 240
    while time.monotonic() < ends and not any(
        "trial-1" in run.info.run_name for run in mlflow.search_runs(output_format="list")
    ):
        time.sleep(0.5)
    first.send_signal(signal.SIGKILL)
    first.communicate()

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    best = json.loads((tmp_path / "out" / "best.json").read_text())
    assert best["trials"] == 3
    names = [run.info.run_name for run in mlflow.search_runs(output_format="list")]
    assert names.count("trial-0") == 1, "what was finished is not repeated"
