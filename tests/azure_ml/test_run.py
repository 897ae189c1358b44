"""run, models, download, deploy, cleanup: against the small Azure, with azure-ai-ml as it is."""

import argparse
import json

import pytest
import yaml
from loopback_azure import ML

from azure_ml import assets, settings
from azure_ml import run as running

MODEL = "sports-ball-classification"
RG = "mlops-examen-rg"


@pytest.fixture
def photographs_asset(workspace):
    """A version of the data asset."""
    path = f"{root(workspace)}/data/sports-ball-photographs/versions/abc"
    about = {
        "dataUri": "azureml://datastores/workspaceblobstore/paths/p/",
        "dataType": "uri_folder",
    }
    workspace.put(path, {"properties": about})
    return workspace


@pytest.fixture
def models(workspace, blobs, tmp_path):
    """Two versions of the model, the first one the champion, with files behind them."""
    container = blobs.get_container_client("workspaceartifactstore")
    for version, champion in (("1", "true"), ("2", "false")):
        prefix = f"ExperimentRun/dcid.run{version}/model"
        example = {"dataframe_split": {"columns": ["image"], "data": [["aGVsbG8="]]}}
        files = {"MLmodel": b"flavors: {}", "serving_input_example.json": json.dumps(example)}
        files["artifacts/facts.json"] = json.dumps({"run_id": f"run{version}"})
        for name, data in files.items():
            container.upload_blob(f"{prefix}/{name}", data)
        uri = f"azureml:/{root(workspace)}/datastores/workspaceartifactstore/paths/{prefix}"
        tags = {"champion": champion, "challenger": "true", "accuracy": f"0.{version}000"}
        flavors = {"python_function": {"data": {}}}
        about = {"modelUri": uri, "modelType": "mlflow_model", "flavors": flavors}
        path = f"{root(workspace)}/models/{MODEL}/versions/{version}"
        workspace.put(path, {"properties": {**about, "tags": tags, "properties": {}}})
    return workspace


def root(azure) -> str:
    return next(r["id"] for k, r in azure.resources.items() if k.endswith("mlops-sports-ball-ws"))


def jobs(azure) -> list[dict]:
    return [r for k, r in azure.resources.items() if f"{ML}/" in k and "/jobs/" in k]


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    running.arguments(parser)
    return parser.parse_args(arguments)


def test_a_run_is_submitted_streamed_and_ends_with_its_status(command, photographs_asset):
    done = command("run", "-P", "epochs=20", "-P", "min_accuracy=0.6")

    assert done.status == 0, done.err
    (job,) = jobs(photographs_asset)
    assert f"https://ml.azure.com/runs/{job['name']}" in done.out
    assert f"{job['name']} completed" in done.out
    inputs = job["properties"]["inputs"]
    assert inputs["epochs"]["value"] == "20"
    assert inputs["photographs"]["uri"].endswith("/data/sports-ball-photographs/versions/abc")
    assert set(job["properties"]["jobs"]) == {
        "ingest",
        "dataprep",
        "split",
        "train",
        "evaluate",
        "register",
    }


def test_a_step_that_fails_is_named_with_what_it_says(command, photographs_asset):
    photographs_asset.after_submit = "Failed"
    said = "refused, the gate was not passed: accuracy 0.4 is below 0.5."
    photographs_asset.children = [
        {"runId": "c1", "displayName": "train", "status": "Completed"},
        {
            "runId": "c2",
            "displayName": "register",
            "status": "Failed",
            "tags": {"stage.error": said},
        },
    ]

    done = command("run")

    assert done.status == 1
    assert done.err.splitlines()[-1].startswith("run: ")
    assert f"register: {said}" in done.err.splitlines()[-1]


def test_a_job_may_go_on_without_us(command, photographs_asset):
    assert command("run", "--no-stream").status == 0


def test_without_photographs_the_commands_that_help_are_named(command, workspace):
    done = command("run")

    assert done.status == 1
    assert "python -m azure_ml upload DATA" in done.err
    assert "run --sample" in done.err
    assert not jobs(workspace)


def test_the_sample_needs_no_upload(command, workspace):
    done = command("run", "--sample", "--no-stream")

    assert done.status == 0, done.err
    (job,) = jobs(workspace)
    assert "photographs" not in job["properties"]["inputs"]
    assert "source" not in job["properties"]["jobs"]["ingest"].get("inputs", {})


def test_a_sweep_is_submitted_too(command, photographs_asset):
    done = command("run", "--sweep", "--no-stream")

    assert done.status == 0, done.err
    assert jobs(photographs_asset)[0]["properties"]["jobs"]["sweep"]["type"] == "sweep"


@pytest.mark.parametrize(
    ("flag", "component"), [("--gpu", "train_gpu"), ("--distributed", "train_distributed")]
)
def test_training_runs_elsewhere_by_a_flag(flag, component):
    wanted = running.described(assets.PIPELINE, parsed(flag), settings.read({}))

    assert wanted["jobs"]["train"]["component"] == f"components/{component}.yaml"
    assert running.as_job(wanted, assets.PIPELINE)._validate().passed


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        ("colour=red", "the pipeline has no such input: size, network"),
        ("size=large", "string where integer"),
        ("size=0", "not from 1"),
        ("network=none", "--network none is unknown"),
    ],
)
def test_a_bad_parameter_is_refused_before_anything_is_submitted(command, azure, parameter, says):
    done = command("run", "-P", parameter)

    assert done.status == 1
    assert says in done.err
    assert not azure.calls


def test_another_networks_pictures_have_its_size():
    wanted = running.described(assets.PIPELINE, parsed("-P", "network=cnn"), settings.read({}))

    assert wanted["inputs"]["size"] == 64


def test_settings_reach_the_pipeline():
    names = settings.read({"AZURE_ML_CLUSTER": "mine", "AZURE_ML_MODEL": "other"})

    wanted = running.described(assets.PIPELINE, parsed("--data", "photos:7"), names)

    assert wanted["settings"]["default_compute"] == "azureml:mine"
    assert wanted["inputs"]["model_name"] == "other"
    assert wanted["inputs"]["photographs"]["path"] == "azureml:photos:7"


def test_models_are_listed_with_role_and_figures(command, models):
    done = command("models", "--tags")

    assert done.status == 0, done.err
    lines = done.out.splitlines()
    newest = next(line for line in lines if line.split()[0] == "2")
    champion = next(line for line in lines if line.split()[0] == "1")
    assert "challenger" in newest and "champion" not in newest
    assert "champion, challenger" in champion
    assert "0.1000" in champion


def test_without_a_model_run_is_named(command, workspace):
    assert "python -m azure_ml run makes one" in command("models").err


def test_the_champion_is_downloaded_ready_to_be_served(command, models, tmp_path):
    out = tmp_path / "work" / "champion"

    done = command("download", "--out", out)

    assert done.status == 0, done.err
    assert (out / "MLmodel").is_file()
    assert json.loads((out / "artifacts" / "facts.json").read_text()) == {"run_id": "run1"}
    assert f"MODEL_PATH={out}" in done.out
    assert command("download", "--out", out, "--version", "2").status == 0
    assert json.loads((out / "artifacts" / "facts.json").read_text()) == {"run_id": "run2"}


@pytest.mark.parametrize("version", ["7", "x"])
def test_a_version_that_is_not_there_is_told(command, models, tmp_path, version):
    done = command("download", "--version", version, "--out", tmp_path / "out")

    assert done.status == 1
    assert f"no version {version}; there are 2, 1" in done.err


def test_files_of_others_are_not_overwritten(command, models, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")

    done = command("download", "--out", tmp_path)

    assert done.status == 1
    assert (tmp_path / "mine.txt").read_text() == "keep"


def answers(label: str):
    return lambda body, deployment: [{"label": label, "confidence": 0.9, "asked": body}]


def traffic(azure) -> dict:
    return next(
        r for k, r in azure.resources.items() if k.endswith("/onlineendpoints/sports-balls")
    )["properties"]["traffic"]


def colours(azure) -> set[str]:
    return {
        k.rpartition("/")[2] for k in azure.resources if "/onlineendpoints/sports-balls/dep" in k
    }


def test_deploying_takes_turns_between_two_colours(command, models):
    models.score = answers("football")

    first = command("deploy")

    assert first.status == 0, first.err
    assert "blue answers football (90%)" in first.out
    assert traffic(models) == {"blue": 100}

    second = command("deploy", "--version", "2", "--keep")

    assert second.status == 0, second.err
    assert traffic(models) == {"green": 100}
    assert colours(models) == {"blue", "green"}

    assert command("deploy", "--back").status == 0
    assert traffic(models) == {"blue": 100}


def test_the_old_colour_is_deleted_unless_it_is_to_be_kept(command, models):
    models.score = answers("football")
    command("deploy")

    assert command("deploy", "--version", "2").status == 0
    assert colours(models) == {"green"}

    done = command("deploy", "--back")
    assert done.status == 1
    assert "has only green" in done.err


def test_a_deployment_that_does_not_answer_gets_no_traffic(command, models):
    models.score = answers("football")
    command("deploy")
    models.score = lambda body, deployment: {"error": "ill"}

    done = command("deploy", "--version", "2")

    assert done.status == 1
    assert "the traffic stays" in done.err
    assert traffic(models) == {"blue": 100}


def test_a_batch_endpoint_scores_on_the_cluster(command, models):
    done = command("deploy", "--batch")

    assert done.status == 0, done.err
    deployment = next(
        r for k, r in models.resources.items() if "/batchendpoints/sports-balls-batch/" in k
    )
    assert deployment["properties"]["model"]["assetId"].endswith(
        "/models/sports-ball-classification/versions/1"
    )


def test_cleanup_shows_asks_deletes_and_purges(command, models, monkeypatch):
    models.score = answers("football")
    command("deploy")
    monkeypatch.setattr("builtins.input", lambda question: RG)

    done = command("cleanup")

    assert done.status == 0, done.err
    assert "Microsoft.Storage/storageAccounts" in done.out
    assert "1 × 0.39 USD an hour (Standard_DS3_v2 in westeurope), used or not" in done.out
    assert not [k for k in models.resources if f"/resourcegroups/{RG}" in k]
    assert not models.soft_deleted


@pytest.mark.parametrize("answer", ["", "y", "another-rg"])
def test_only_the_groups_name_is_a_yes(command, models, monkeypatch, answer):
    monkeypatch.setattr("builtins.input", lambda question: answer)

    done = command("cleanup")

    assert done.status == 1
    assert "nothing was deleted" in done.out
    assert root(models)


def test_a_group_that_setup_did_not_make_stays(command, models):
    group = next(r for k, r in models.resources.items() if k.endswith(f"/resourcegroups/{RG}"))
    group["tags"] = {}

    done = command("cleanup", "--yes")

    assert done.status == 0, done.err
    assert "so the group itself stays" in done.out
    assert any(k.endswith(f"/resourcegroups/{RG}") for k in models.resources)
    assert not [k for k in models.resources if ML in k]


def test_cleanup_twice_is_no_error(command, models):
    assert command("cleanup", "--yes").status == 0

    done = command("cleanup", "--yes")

    assert done.status == 0
    assert "nothing is left" in done.out


def test_a_soft_deleted_workspace_is_purged(command, azure):
    azure.soft_deleted.add("mlops-sports-ball-ws")

    assert command("cleanup", "--yes").status == 0
    assert not azure.soft_deleted


def test_the_files_name_what_the_settings_name():
    names = settings.read({})
    files = {
        "workspace.yaml": names.workspace,
        "compute.yaml": names.cluster,
        "compute_gpu.yaml": names.gpu_cluster,
        "endpoints/online.yaml": names.online_endpoint,
        "endpoints/batch.yaml": names.batch_endpoint,
    }
    for file, name in files.items():
        assert yaml.safe_load((assets.FOLDER / file).read_text())["name"] == name
