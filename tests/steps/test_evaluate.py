"""evaluate on a model that cannot say what it knows, and how much of a card a registry gets."""

import json
import shutil

import mlflow
import pandas as pd
import pytest
from mlflow.artifacts import load_dict

from steps import evaluate, register
from steps.shared import card


@pytest.fixture
def without_validation(house, tmp_path):
    """The shared model as it is packed where no validation photographs were given."""
    folder = shutil.copytree(house.model, tmp_path / "model")
    path = folder / "artifacts/facts.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"strangeness": []}))
    return folder


def test_what_a_model_cannot_say_is_reported_as_not_measured(
    house, run_stage, without_validation, tmp_path, capsys
):
    flags = ["--photos", house.ingest, "--data", house.split, "--model", without_validation]
    flags += ["--robustness", "false", "--min-accuracy", 0, "--min-class-recall", 0]

    outcome = run_stage("evaluate", *flags, "--out", tmp_path / "evaluate")

    assert outcome.code == 0, outcome.run.data.tags
    logged = load_dict(f"{outcome.run.info.artifact_uri}/metrics.json")
    assert logged["strangers"] == "not measured"
    assert "rejected" not in outcome.run.data.metrics
    assert "none of the categories: not measured" in capsys.readouterr().out
    assert "Not measured: this model" in (tmp_path / "evaluate" / card.CARD).read_text()
    slices = pd.read_csv(tmp_path / "evaluate" / "slices.csv")
    tested = len(pd.read_csv(tmp_path / "evaluate" / "predictions.csv"))
    assert set(slices.groupby("property")["count"].sum()) == {tested}


def test_other_photographs_than_the_datas_are_refused(house, run_stage, tmp_path):
    photos = shutil.copytree(house.ingest, tmp_path / "photos")
    table = pd.read_csv(photos / "files.csv", dtype=str)
    table["sha256"] = table["sha256"].str[::-1]
    table.to_csv(photos / "files.csv", index=False)
    flags = ["--photos", photos, "--data", house.split, "--model", house.model]

    outcome = run_stage("evaluate", *flags, "--out", tmp_path / "evaluate")

    assert "is not the folder that --data was made from" in outcome.run.data.tags["stage.error"]


def test_a_registry_takes_a_summary_and_a_card_however_long(tmp_path):
    sections = "".join(f"\n\n## Section {i}\n\n{'word ' * 300}" for i in range(20))
    (tmp_path / card.CARD).write_text("# Model card" + sections)

    text = register.read_card(str(tmp_path), {"passed": True})

    assert len(text) + register.SUMMARY <= card.LONGEST + 2
    assert "## Section 0" in text
    assert "## Section 19" not in text
    assert register.read_card(str(tmp_path), None) == ""


def test_a_category_may_have_any_name(tracking):
    names = ["ball (red)", "ball [red]", "men's ball", "c++", "a,b", "balo\u0301n", "ball (red) 2"]
    recalls = evaluate.recall_metrics(
        pd.DataFrame({"category": names, "recall": [i / 10 for i in range(len(names))]})
    )

    with mlflow.start_run() as active:
        mlflow.log_metrics(recalls)

    logged = mlflow.get_run(active.info.run_id).data.metrics
    assert sorted(logged.values()) == [i / 10 for i in range(len(names))]
