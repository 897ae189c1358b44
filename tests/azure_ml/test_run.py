"""run: submits, streams, ends with the job's status, and says which step failed and why."""

import argparse

import pytest
from loopback_answers import ML
from loopback_azure import root

from azure_ml import assets, graph, settings
from azure_ml import run as running


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
    ("network", "rates"),
    [
        ("cnn", ["0.01", "0.02", "0.04"]),
        ("efficientnet_lite0", ["0.0001", "0.0002", "0.0004"]),
        ("mobilenetv2", ["0.0001", "0.0002", "0.0004"]),
    ],
)
def test_a_sweep_looks_around_the_recipe_of_its_network(command, photographs_asset, network, rates):
    done = command("run", "--sweep", "-P", f"network={network}", "--no-stream")

    assert done.status == 0, done.err
    space = jobs(photographs_asset)[0]["properties"]["jobs"]["sweep"]["search_space"]
    assert space["learning_rate"] == {"type": "choice", "values": rates}
    assert set(space) == {"learning_rate", "weight_decay", "dropout"}


def test_after_a_sweep_it_is_said_how_to_train_with_what_it_found(command, photographs_asset):
    done = command("run", "--sweep")

    assert done.status == 0, done.err
    assert "completed: the studio has the trials" in done.out
    assert "-P network=… -P learning_rate=…" in done.out


@pytest.mark.parametrize(
    ("network", "step", "prefix"),
    [("cnn", "train", ""), ("student", "train", ""), ("student", "train_teacher", "teacher_")],
)
def test_what_a_sweep_varies_can_be_given_to_a_run(network, step, prefix):
    names = graph.read(assets.FOLDER / "sweep.yaml").steps["sweep"].searched
    given = [f"-P{prefix}{name}=0.007" for name in names]
    args = parsed("-P", f"network={network}", *given)
    file = running.chosen(args)

    wanted = running.described(file, args, settings.read({}))

    assert graph.problems(wanted, file.parent) == []
    pipeline = graph.resolve(wanted, file.parent)
    for name in names:
        (source,) = graph.references(pipeline.steps[step].inputs[name])
        assert pipeline.inputs[source.removeprefix("parent.inputs.")] == "0.007"


def test_a_student_is_trained_after_its_teacher(command, photographs_asset):
    done = command("run", "--gpu", "-P", "network=student", "--no-stream")

    assert done.status == 0, done.err
    steps = jobs(photographs_asset)[0]["properties"]["jobs"]
    assert "train_teacher" in steps["train"]["inputs"]["teacher"]["value"]
    assert {"gpu" in steps[name]["computeId"] for name in ("train_teacher", "train")} == {True}


def test_a_student_is_not_swept_without_its_teacher(command, azure):
    done = command("run", "--sweep", "-P", "network=student")

    assert done.status == 1
    assert "sweep the teacher's network, efficientnet_lite0" in done.err
    assert not azure.calls


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

    assert wanted["inputs"]["size"] == 80


def test_settings_reach_the_pipeline():
    names = settings.read({"AZURE_ML_CLUSTER": "mine", "AZURE_ML_MODEL": "other"})

    wanted = running.described(assets.PIPELINE, parsed("--data", "photos:7"), names)

    assert wanted["settings"]["default_compute"] == "azureml:mine"
    assert wanted["inputs"]["model_name"] == "other"
    assert wanted["inputs"]["photographs"]["path"] == "azureml:photos:7"
