"""pipeline.yaml, executed here as it is written; the model that comes out is served."""

import base64
import json
import sys
import urllib.request
from pathlib import Path

import pytest
from local_runner import LocalRunner
from mlflow import MlflowClient

from azure_ml import graph
from steps.shared.services import Service, free_port

FOLDER = Path(__file__).parents[2] / "azure_ml"
NAME = "local-pipeline"
SMALL = {"epochs": 2, "batch_size": 16, "min_accuracy": 0, "min_class_recall": 0}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, photographs, tracking_template) -> LocalRunner:
    """The whole pipeline on a few photographs, done."""
    folder = tmp_path_factory.mktemp("pipeline")
    runner = LocalRunner(
        graph.read(FOLDER / "pipeline.yaml"),
        folder,
        f"sqlite:///{folder}/mlflow.db",
        photographs=photographs,
        model_name=NAME,
        **SMALL,
    )
    runner.run()
    return runner


def test_every_step_is_a_run_below_the_pipelines(pipeline):
    for name, run_id in pipeline.runs.items():
        run = pipeline.client.get_run(run_id)

        assert run.info.status == "FINISHED"
        assert run.data.tags["stage"] == name
        assert run.data.tags["mlflow.parentRunId"] == pipeline.parent


def test_the_last_step_registers_a_champion(pipeline):
    version = MlflowClient(pipeline.tracking).get_model_version_by_alias(NAME, "champion")

    assert version.tags["champion"] == "true"
    assert version.tags["run_id"] == pipeline.runs["train"]
    assert json.loads((pipeline.outputs["register"] / "register" / "version.json").read_text())


@pytest.mark.slow
def test_the_model_that_comes_out_is_served(pipeline, photographs):
    port = free_port()
    model = pipeline.outputs["train"] / "train" / "model"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager=local"]
    address = ["--host=127.0.0.1", f"--port={port}", f"--model-uri={model}"]
    server = Service("scoring server", [*command, *address], f"http://127.0.0.1:{port}/ping")
    picture = base64.b64encode(next(photographs.rglob("*.jpg")).read_bytes()).decode()
    server.start()
    try:
        server.wait()
        answer = ask(port, picture)
    finally:
        server.stop()

    assert set(answer["scores"]) == {p.name for p in photographs.iterdir()}
    assert answer["model"]["run_id"] == pipeline.runs["train"]


def ask(port: int, picture: str) -> dict:
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[picture]]}}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["predictions"][0]


@pytest.mark.slow
def test_a_student_learns_from_the_teacher_that_was_trained_before_it(
    tmp_path, photographs, tracking_template
):
    runner = LocalRunner(
        graph.read(FOLDER / "distill.yaml"),
        tmp_path,
        f"sqlite:///{tmp_path}/mlflow.db",
        photographs=photographs,
        model_name=NAME,
        **SMALL,
        **{"network": "cnn", "size": 32, "teacher": "cnn", "teacher_size": 64, "teacher_epochs": 1},
    )

    runner.run()

    student = runner.client.get_run(runner.runs["train"]).data.params
    assert student["teacher"] == str(runner.outputs["train_teacher"] / "train" / "model")
    assert (runner.outputs["train"] / "train" / "model" / "MLmodel").is_file()


def test_without_photographs_the_sample_is_rendered(tmp_path):
    pipeline = graph.read(FOLDER / "pipeline.yaml")
    ingest = pipeline.steps["ingest"]
    del ingest.inputs["source"]
    runner = LocalRunner(pipeline, tmp_path, f"sqlite:///{tmp_path}/mlflow.db")

    line = runner.command_line(ingest, tmp_path / "out")

    assert "--source" not in line
    assert "--per-category 80" in line
