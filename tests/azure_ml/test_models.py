"""models, download, deploy: what is in the registry, on this machine, and behind an endpoint."""

import json

import pytest


def test_models_are_listed_with_role_and_figures(command, models):
    done = command("models", "--tags")

    assert done.status == 0, done.err
    lines = done.out.splitlines()
    newest = next(line for line in lines if line.split()[0] == "2")
    champion = next(line for line in lines if line.split()[0] == "1")
    assert "challenger" in newest and "champion" not in newest
    assert "champion, challenger" in champion
    assert "0.1000" in champion
    assert "https://ml.azure.com/model/sports-ball-classification:1/details?wsid=/subs" in lines[-1]


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


def test_the_colour_without_traffic_is_dropped_once(command, models):
    models.score = answers("football")
    command("deploy")
    kept = command("deploy", "--version", "2", "--keep")
    assert "deploy --drop-idle deletes it" in kept.out

    done = command("deploy", "--drop-idle")

    assert done.status == 0, done.err
    assert "blue is deleted" in done.out
    assert colours(models) == {"green"}
    assert traffic(models) == {"green": 100}

    again = command("deploy", "--drop-idle")
    assert again.status == 0, again.err
    assert "nothing without traffic" in again.out
    assert colours(models) == {"green"}


def test_where_no_colour_has_traffic_none_is_dropped(command, models):
    models.score = lambda body, deployment: {"error": "ill"}
    assert command("deploy").status == 1

    done = command("deploy", "--drop-idle")

    assert done.status == 1
    assert "no colour with traffic" in done.err
    assert colours(models) == {"blue"}


def test_a_colour_with_a_share_of_the_traffic_stays(command, models):
    models.score = answers("football")
    command("deploy")
    command("deploy", "--version", "2", "--keep")
    traffic(models).update({"blue": 10, "green": 90})

    assert command("deploy", "--drop-idle").status == 0
    assert colours(models) == {"blue", "green"}


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
