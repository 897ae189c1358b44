"""The tracking server of compose's profile `tracking`, and a model server that fetches from it."""

import base64

import pytest
import urllib3
from engine import build_tracking, running
from mlflow import MlflowClient

pytestmark = pytest.mark.containers
STORES = (
    "--backend-store-uri=sqlite:////data/mlflow.db",
    "--artifacts-destination=/data/artifacts",
)


@pytest.fixture
def tracking(images, free_port):
    """The address of a tracking server in its container."""
    build_tracking()
    port = free_port()
    with running("tracking", "--memory", "2g", "--", f"--port={port}", *STORES) as container:
        container.wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"


def register(tracking: str, name: str, folder) -> None:
    """A model version with the alias champion."""
    client = MlflowClient(tracking)
    run = client.create_run("0").info.run_id
    client.log_artifacts(run, str(folder), "model")
    client.create_registered_model(name)
    version = client.create_model_version(name, f"runs:/{run}/model", run).version
    client.set_registered_model_alias(name, "champion", version)


def test_the_champion_of_the_tracking_server_is_served(
    tracking, model_folder, photograph, free_port
):
    register(tracking, "ball", model_folder)
    port = free_port()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "MLFLOW_TRACKING_URI": tracking}

    with running("model", **settings, MODEL_PATH="models:/ball@champion") as container:
        container.wait_for(f"http://127.0.0.1:{port}/ping")
        picture = base64.b64encode(photograph.read_bytes()).decode()
        answer = urllib3.request(
            "POST",
            f"http://127.0.0.1:{port}/invocations",
            json={"dataframe_split": {"columns": ["image"], "data": [[picture]]}},
        ).json()["predictions"][0]

    assert answer["error"] is None
    assert (answer["model"]["name"], answer["model"]["version"]) == ("ball", "1")
