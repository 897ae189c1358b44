"""Several machines: who takes part, who writes, and that together they learn what one would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from steps.shared import cluster
from steps.shared.services import free_port
from steps.shared.stage import StageError, read_json

ROOT = Path(__file__).parents[2]


def tf_config(index: int, ports: list[int], **others: list[str]) -> str:
    """TF_CONFIG as Azure ML writes it: an empty list of parameter servers too."""
    workers = [f"127.0.0.1:{port}" for port in ports]
    about = {"cluster": {"worker": workers, "ps": [], **others}}
    return json.dumps(about | {"task": {"type": "worker", "index": index}})


@pytest.fixture
def joined(monkeypatch):
    """Joins with a TF_CONFIG; nobody is waited for."""
    made = []
    monkeypatch.setattr(cluster, "Several", lambda *who: made.append(who) or who)

    def join(text: str):
        monkeypatch.setenv("TF_CONFIG", text)
        return cluster.join()

    monkeypatch.setattr(sys, "argv", ["train"])
    monkeypatch.setenv("MLFLOW_RUN_ID", "the job's")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "azureml://…")
    return join


def test_alone_nothing_is_distributed(monkeypatch, joined):
    monkeypatch.delenv("TF_CONFIG", raising=False)

    assert cluster.join() is cluster.ONE
    assert joined(tf_config(0, [1])) is cluster.ONE


def test_the_first_worker_writes_as_if_it_were_alone(joined):
    assert joined(tf_config(0, [1, 2])) == (2, 0)

    assert os.environ["MLFLOW_RUN_ID"] == "the job's"
    assert sys.argv == ["train"]
    assert "ps" not in json.loads(os.environ["TF_CONFIG"])["cluster"]


def test_the_others_write_aside(joined):
    assert joined(tf_config(1, [1, 2])) == (2, 1)

    assert "MLFLOW_RUN_ID" not in os.environ
    assert os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:///")
    assert sys.argv[1] == "--out"


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"cluster": {}, "task": 1}'])
def test_what_describes_no_cluster_is_refused(joined, text):
    with pytest.raises(StageError, match="TF_CONFIG is no description"):
        joined(text)


def test_parameter_servers_are_refused(joined):
    with pytest.raises(StageError, match="names ps, worker"):
        joined(tf_config(0, [1, 2], ps=["127.0.0.1:3"]))


def train(data: Path, out: Path, **environment: str) -> subprocess.Popen:
    flags = ["--data", data, "--out", out, "--epochs", 2, "--batch-size", 16, "--dropout", 0]
    return subprocess.Popen(
        [sys.executable, "-m", "steps.train", *map(str, flags), "--precision", "float32"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_workers_learn_what_one_learns(house, tracking, tmp_path):
    ports = [free_port(), free_port()]
    processes = [
        train(house.split, tmp_path / "two", TF_CONFIG=tf_config(index, ports)) for index in (0, 1)
    ]
    said = [process.communicate(timeout=1200)[0] for process in processes]
    assert [p.returncode for p in processes] == [0, 0], said
    alone = train(house.split, tmp_path / "one")
    output, _ = alone.communicate(timeout=1200)
    assert alone.returncode == 0, output

    rows = [read_json(tmp_path / name / "progress.json")["history"] for name in ("one", "two")]
    for one, two in zip(*rows, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=0.005)
        # The one kernel of a single machine corrects the running variance by n / (n - 1).
        assert one["validation_loss"] == pytest.approx(two["validation_loss"], rel=0.05)
    weights = [np.load(tmp_path / name / "checkpoint-1.npz") for name in ("one", "two")]
    for key in weights[0].files:
        assert np.allclose(weights[0][key], weights[1][key], rtol=0.05, atol=0.03), key
