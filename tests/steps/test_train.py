"""train: a killed training goes on as if nothing had happened, and its run says everything."""

import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from steps.shared import recipes
from steps.shared.schedules import WarmUpThenCosine
from steps.shared.stage import read_manifest

ROOT = Path(__file__).parents[2]
FLAGS = ["--batch-size", "16", "--precision", "float32", "--drawings", "0", "--epochs"]


def started(house, out, epochs):
    command = [sys.executable, "-m", "steps.train", "--data", str(house.split), *FLAGS, str(epochs)]
    return subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def wait_for_epoch(process, out, epochs=1):
    progress = out.with_name(out.name + ".partial") / "progress.json"
    ends = time.monotonic() + 120
    while time.monotonic() < ends and process.poll() is None:
        if progress.is_file() and len(json.loads(progress.read_text())["history"]) >= epochs:
            return
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"no epoch finished: {process.communicate()[1]}")


def weights(model):
    import keras

    network = keras.models.load_model(model / "artifacts" / "network.keras", compile=False)
    return network.get_weights()


@pytest.mark.slow
def test_a_killed_training_ends_like_one_that_was_not(house, tracking, tmp_path):
    first = started(house, tmp_path / "out", 8)
    wait_for_epoch(first, tmp_path / "out", 2)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not (tmp_path / "out").exists()

    for name in ("out", "whole"):
        process = started(house, tmp_path / name, 8)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said

    resumed, whole = (read_manifest(tmp_path / name) for name in ("out", "whole"))
    assert resumed["best_epoch"] == whole["best_epoch"]
    for a, b in zip(
        weights(tmp_path / "out" / "model"), weights(tmp_path / "whole" / "model"), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_ctrl_c_leaves_a_killed_run_and_a_usable_checkpoint(house, tracking, tmp_path):
    process = started(house, tmp_path / "out", 400)
    wait_for_epoch(process, tmp_path / "out")

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)

    client = MlflowClient()
    (run,) = client.search_runs([os.environ["MLFLOW_EXPERIMENT_ID"]])
    (checkpoint,) = client.list_artifacts(run.info.run_id, "checkpoints")
    saved = np.load(client.download_artifacts(run.info.run_id, checkpoint.path))
    assert (process.returncode, run.info.status) == (130, "KILLED")
    assert "Traceback" not in said
    assert len(saved.files) > 10


def test_the_run_has_a_curve_each_epoch(house):
    client = MlflowClient(house.tracking)
    run_id = house.runs["train"].info.run_id

    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert [m.step for m in client.get_metric_history(run_id, name)] == [0, 1, 2]


def test_the_run_has_parameters_data_set_and_tags(house):
    run = house.runs["train"]

    assert run.data.params["epochs"] == "3"
    assert run.data.tags["precision"] == "float32"
    digest = read_manifest(house.split)["digest"]
    assert run.data.tags["data.digest"] == digest
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("photographs", digest[:32])


def test_the_run_has_model_curves_and_checkpoint(house):
    client = MlflowClient(house.tracking)
    run_id = house.runs["train"].info.run_id

    names = {item.path for item in client.list_artifacts(run_id)}

    assert {"model", "curves.png", "checkpoints", "recipe.json", "stage.json"} <= names


def test_validation_chooses_the_epoch(house):
    history = json.loads((house.train / "progress.json").read_text())["history"]
    best = min(range(3), key=lambda epoch: history[epoch]["validation_loss"])

    assert read_manifest(house.train)["best_epoch"] == best


@pytest.mark.parametrize(
    ("flag", "value", "reason"),
    [
        (
            "--network",
            "vit",
            "--network vit is unknown; there are: cnn, resnet, efficientnet_lite0",
        ),
        ("--head", "hydra", "--head hydra is unknown; there are: average, flatten"),
        ("--precision", "float8", "--precision float8 is unknown; there are: auto, float32"),
    ],
)
def test_an_unknown_choice_is_named_with_what_there_is(
    house, run_stage, tmp_path, flag, value, reason
):
    outcome = run_stage("train", "--data", house.split, flag, value, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert reason in outcome.run.data.tags["stage.error"]


def test_flags_replace_what_the_recipe_says():
    from steps.shared.training import choose_recipe

    wanted = {"network": "cnn", "epochs": 7, "dropout": None, "head": "flatten"}

    recipe = choose_recipe(Namespace(**wanted))

    assert (recipe.epochs, recipe.head, recipe.growth) == (7, "flatten", (1.0,))
    assert recipe.dropout == recipes.find("cnn").dropout


def test_a_network_of_keras_applications_has_the_recipe_for_transfer():
    assert recipes.find("resnet50") == recipes.TRANSFER


def test_the_rate_rises_then_falls_to_its_share():
    rate = WarmUpThenCosine(peak=0.1, final_share=0.01, warmup_steps=10, steps=110)

    values = [float(rate(step)) for step in (0, 4, 9, 10, 60, 110, 500)]

    expected = [0.01, 0.05, 0.1, 0.1, 0.0505, 0.001, 0.001]
    assert values == pytest.approx(expected, rel=1e-4)


def test_a_schedule_is_saved_and_loaded():
    rate = WarmUpThenCosine(0.1, 0.01, 0, 5)

    assert WarmUpThenCosine.from_config(rate.get_config()).get_config() == rate.get_config()
