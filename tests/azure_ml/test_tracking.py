"""azureml-mlflow as it is: runs, artefacts, registry, through a TLS front of a real MLflow server.

Once with everything, once with 404 to what Azure ML's server does not know (aliases, logged
models, inputs of a run).
"""

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import loopback_tracking
import mlflow
import pytest
from loopback_tracking import CONTAINER, REGION, TRACKING, WORKSPACE, Front
from mlflow import MlflowClient

from steps.shared import registry
from steps.shared.services import Service, free_port
from steps.shared.stage import StageError

ROOT = Path(__file__).parents[2]
NAME = "sports-ball-classification"
SERVERS = pytest.mark.parametrize("like_azure", [False, True], ids=["plain", "like Azure"])


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory) -> Iterator[str]:
    """A real MLflow server over plain HTTP; returns its URL."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    server = Service(
        "tracking server",
        [
            *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"),
            *(f"--backend-store-uri=sqlite:///{folder}/mlflow.db", "--workers=1"),
            f"--artifacts-destination={folder}/artifacts",
        ],
        f"http://127.0.0.1:{port}/health",
    )
    server.start()
    try:
        server.wait(300)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def front_server(mlflow_server, certificates) -> Iterator[tuple[Front, int]]:
    """The front and its port; one for all tests, since MLflow keeps its connections."""
    front = Front(mlflow_server)
    server = certificates.serve(loopback_tracking.handler(front))
    yield front, server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def front(front_server, blobs, wires, monkeypatch) -> Front:
    """The workspace's MLflow address, tracked to."""
    front, port = front_server
    blobs.create_container(CONTAINER)
    front.blobs, front.like_azure, front.refused = blobs, False, []
    wires.proxy.routes = {"*.api.azureml.ms": port, **wires.proxy.routes}
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", TRACKING)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    mlflow.set_tracking_uri(TRACKING)
    return front


def experiment(name: str) -> str:
    """An experiment whose artefacts are where Azure ML keeps a run's."""
    place = f"azureml://{REGION}/mlflow/v2.0{WORKSPACE}/experiments/{name}/runs"
    known = MlflowClient().get_experiment_by_name(name)
    return known.experiment_id if known else mlflow.create_experiment(name, place)


@SERVERS
def test_a_version_is_registered_found_and_fetched(front, house, like_azure, request):
    front.like_azure = like_azure
    name = f"{NAME}-{like_azure}"
    with (
        warnings.catch_warnings(record=True) as caught,
        mlflow.start_run(experiment_id=experiment("register")) as run,
    ):
        warnings.simplefilter("always")
        mlflow.log_artifacts(str(house.model), "model")
        source = f"{run.info.artifact_uri}/model"
        version = registry.create_version(name, source, run.info.run_id, "text", {"accuracy": "1"})
        registry.give_alias(version, "champion")

    told = [str(w.message) for w in caught if "takes no aliases" in str(w.message)]
    assert bool(told) == like_azure
    packed = registry.fetch(f"models:/{name}@champion")
    assert packed.uri == f"models:/{name}/1"
    assert packed.facts["run_id"] == house.runs["train"].info.run_id
    blobs = front.blobs.get_container_client(CONTAINER).list_blobs()
    assert any(blob.name.endswith("/model/MLmodel") for blob in blobs)


@SERVERS
def test_a_version_that_is_not_there_is_told(front, like_azure):
    front.like_azure = like_azure

    for uri in ("models:/nothing@champion", "models:/nothing/7"):
        with pytest.raises(StageError, match="nothing"):
            registry.version_at(uri)


def run_main(folder: Path, photographs: Path, model: str) -> subprocess.CompletedProcess:
    for name in ("MLproject", "conda.yaml", "requirements", "steps"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    parameters = {"source": photographs, "epochs": 2, "batch_size": 16, "precision": "float32"}
    parameters |= {"min_accuracy": 0, "min_class_recall": 0, "model_name": model}
    flags = [flag for k, v in parameters.items() for flag in ("-P", f"{k}={v}")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["mlflow", "run", ".", "--env-manager=local", "--experiment-name=main", *flags],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@SERVERS
def test_main_runs_with_the_workspace_as_its_backend(front, photographs, tmp_path, like_azure):
    front.like_azure = like_azure
    number = experiment("main")
    # A name of its own: a server that never knew logged models has no version made of one.
    name = f"{NAME}-main-{'like-azure' if like_azure else 'plain'}"

    done = run_main(tmp_path, photographs, name)

    assert done.returncode == 0, done.stdout + done.stderr
    runs = MlflowClient().search_runs([number])
    stages = {run.data.tags["stage"] for run in runs if run.info.status == "FINISHED"}
    assert stages == {"main", "ingest", "dataprep", "split", "train", "evaluate", "register"}
    champion = registry.version_at(f"models:/{name}@champion")
    assert champion.tags["champion"] == "true"
    assert registry.fetch(f"models:/{name}@champion").facts["categories"]
