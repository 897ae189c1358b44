"""The whole thing as a user starts it: `mlflow run .` from photographs to a registered champion."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from steps.shared.services import Service

ROOT = Path(__file__).parents[2]
STAGES = {"ingest", "dataprep", "split", "train", "evaluate", "register"}
NAME = "system-test"


class Project:
    """A copy of the project, a tracking store of its own, and `mlflow run` on both."""

    def __init__(self, folder: Path, photographs: Path) -> None:
        self.folder, self.photographs = folder / "project", photographs
        self.folder.mkdir()
        for name in ("MLproject", "conda.yaml", "requirements"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.folder / name)
        shutil.copytree(
            ROOT / "steps", self.folder / "steps", ignore=shutil.ignore_patterns("__pycache__")
        )
        self.tracking = f"sqlite:///{folder}/mlflow.db"

    def run(
        self, tracking: str = "", **options: object
    ) -> tuple[subprocess.CompletedProcess, float]:
        """Run main; returns what it printed and the seconds that it took."""
        parameters = {
            "source": self.photographs,
            "epochs": 2,
            "batch_size": 16,
            "precision": "float32",
            "min_accuracy": 0,
            "min_class_recall": 0,
            "model_name": NAME,
            **options,
        }
        flags = [flag for k, v in parameters.items() for flag in ("-P", f"{k}={v}")]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        begun = time.monotonic()
        done = subprocess.run(
            ["mlflow", "run", ".", "--env-manager=local", "--experiment-name=system", *flags],
            cwd=self.folder,
            env={**kept, "PATH": path, "MLFLOW_TRACKING_URI": tracking or self.tracking},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, time.monotonic() - begun

    def runs(self, tracking: str = "") -> list:
        """All runs, the newest first."""
        client = MlflowClient(tracking or self.tracking)
        experiment = client.get_experiment_by_name("system").experiment_id
        return client.search_runs([experiment], order_by=["attributes.start_time DESC"])

    def stages_of_newest(self) -> set[str]:
        """The stages that the newest run of main ran itself."""
        runs = self.runs()
        parent = next(run for run in runs if run.data.tags["stage"] == "main")
        mine = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        return {run.data.tags["stage"] for run in mine}


@pytest.fixture(scope="module")
def project(tmp_path_factory, photographs) -> Project:
    return Project(tmp_path_factory.mktemp("system"), photographs)


@pytest.fixture(scope="module")
def first(project):
    """The project after one whole run of main."""
    done, seconds = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return seconds


def test_main_makes_a_registered_champion_of_photographs(project, first):
    version = MlflowClient(project.tracking).get_model_version_by_alias(NAME, "champion")

    assert str(version.version) == "1"
    assert "right on test photographs" in version.description


def test_every_stage_is_a_child_run_that_finished(project, first):
    assert project.stages_of_newest() == STAGES
    assert {run.info.status for run in project.runs()} == {"FINISHED"}


def test_a_second_run_repeats_nothing_and_is_quick(project, first):
    done, seconds = project.run()

    assert done.returncode == 0, done.stderr
    assert not project.stages_of_newest()
    assert seconds < first / 2


def test_another_training_is_refused_by_a_gate_and_a_lower_one_goes_on_from_there(project, first):
    refused, _ = project.run(epochs=1, min_accuracy=1)
    parent = next(run for run in project.runs() if run.data.tags["stage"] == "main")

    assert project.stages_of_newest() == {"train", "evaluate", "register"}
    assert refused.returncode != 0
    assert parent.info.status == "FAILED"
    reason = parent.data.tags["stage.error"]
    assert reason.startswith("register failed: refused, the gate was not passed")
    assert f"main: {reason}" in refused.stderr

    passed, _ = project.run(epochs=1)

    assert passed.returncode == 0, passed.stderr
    assert project.stages_of_newest() == {"evaluate", "register"}


@pytest.fixture
def server(tmp_path):
    """A real tracking server and registry over HTTP, on a database of its own; returns its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stores = [f"--backend-store-uri=sqlite:///{tmp_path}/server.db"]
    stores.append(f"--artifacts-destination={tmp_path / 'artifacts'}")
    address = ["--host=127.0.0.1", f"--port={port}", "--workers=1"]
    service = Service(
        "tracking server",
        [sys.executable, "-m", "mlflow", "server", *stores, *address],
        f"http://127.0.0.1:{port}/health",
    )
    service.start()
    try:
        service.wait()
        yield f"http://127.0.0.1:{port}"
    finally:
        service.stop()


@pytest.mark.slow
def test_a_tracking_server_over_http_holds_runs_and_champion(project, server):
    done, _ = project.run(tracking=server, work=project.folder / "other")

    assert done.returncode == 0, done.stderr
    assert {run.data.tags["stage"] for run in project.runs(server)} == STAGES | {"main"}
    version = MlflowClient(server).get_model_version_by_alias(NAME, "champion")
    assert str(version.version) == "1"


@pytest.mark.slow
def test_a_change_of_code_repeats_the_stages_that_run_it(project, first):
    path = project.folder / "steps" / "split.py"
    path.write_text(path.read_text() + "# changed\n")

    done, _ = project.run()

    assert done.returncode == 0, done.stderr
    assert project.stages_of_newest() == {"split"}, "the same parts came out: the rest is known"
