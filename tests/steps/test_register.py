"""evaluate and register: who becomes champion, and what the registry says."""

import json
import shutil

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from steps import serve
from steps.main import rival
from steps.shared import registry
from steps.shared.stage import read_json

NAME = "balls"


def evaluation(house, model, accuracy=0, data=None, spoil=False):
    """evaluate's flags, on the shared test pictures where no other `data` are named."""
    gate = ["--min-accuracy", accuracy, "--min-class-recall", 0, "--model-name", NAME]
    inputs = ["--photos", house.ingest, "--data", data or house.split, "--model", model]
    return [*inputs, *gate, "--robustness", spoil]


@pytest.fixture
def evaluated(house, run_stage, tmp_path):
    """Evaluates a model on the shared test pictures; returns evaluate's outcome and folder."""

    def evaluate(model=house.model, name="evaluate", **how):
        flags = evaluation(house, model, **how)
        return run_stage("evaluate", *flags, "--out", tmp_path / name), tmp_path / name

    return evaluate


@pytest.fixture(scope="module")
def first_verdict(house, run_all, tmp_path_factory):
    """evaluate's folder of the house's model, against which there is no champion yet."""
    root = tmp_path_factory.mktemp("first")
    return run_all(root, {"evaluate": evaluation(house, house.model)}).evaluate


@pytest.fixture
def verdict(first_verdict, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(first_verdict, tmp_path / "verdict")


@pytest.fixture
def mislabelled(house, tmp_path):
    """split's folder, each test picture under the name of the next category: nobody gets it right
    who has learnt anything."""
    folder = shutil.copytree(house.split, tmp_path / "mislabelled")
    table = pd.read_csv(folder / "files.csv")
    names = sorted(table["category"].unique())
    following = dict(zip(names, names[1:] + names[:1], strict=True))
    test = table["split"] == "test"
    table.loc[test, "category"] = table.loc[test, "category"].map(following)
    table.to_csv(folder / "files.csv", index=False)
    return folder


@pytest.fixture
def other(house, tmp_path):
    """The same model as if another run had trained it."""
    run = MlflowClient().create_run("0")
    folder = shutil.copytree(house.model, tmp_path / "other")
    facts = folder / "artifacts" / "facts.json"
    facts.write_text(json.dumps(read_json(facts) | {"run_id": run.info.run_id}))
    return folder


def promoted(verdict):
    """The verdict as if the model had won."""
    path = verdict / "verdict.json"
    path.write_text(json.dumps(read_json(path) | {"promote": True}))
    return verdict


def alias_of(alias):
    version = registry.by_alias(NAME, alias)
    return version and str(version.version)


def test_evaluate_logs_figures_tables_and_pictures(house, evaluated):
    outcome, folder = evaluated(spoil=True)

    assert outcome.code == 0, outcome.run.data.tags
    figures = {"accuracy", "macro_f1", "top3_accuracy", "calibration_error", "rejected", "kept"}
    assert figures <= set(outcome.run.data.metrics)
    names = {item.path for item in MlflowClient().list_artifacts(outcome.run.info.run_id)}
    pictures = {"confusion.png", "reliability.png", "mistakes.png", "slices.png", "robustness.png"}
    tables = {
        "metrics.json",
        "confusion.json",
        "slices.json",
        "slices.csv",
        "robustness.json",
        "card.md",
    }
    assert pictures | tables <= names
    assert "## On pictures made worse" in (folder / "card.md").read_text()
    predictions = pd.read_csv(folder / "predictions.csv")
    right = (predictions["predicted"] == predictions["category"]).mean()
    assert outcome.run.data.metrics["accuracy"] == pytest.approx(right)


def test_the_first_version_that_passes_is_challenger_and_champion(house, verdict, register):
    assert register(house.model, verdict).code == 0

    assert alias_of("challenger") == alias_of("champion") == "1"


def test_a_version_says_where_it_comes_from(house, verdict, register):
    register(house.model, verdict)

    version = registry.by_alias(NAME, "champion")

    assert version.tags["run_id"] == house.runs["train"].info.run_id
    assert version.tags["network"] == "cnn"
    assert float(version.tags["accuracy"]) >= 0
    assert "right on test photographs" in version.description.split("\n\n")[0]
    assert "# Model card: cnn" in version.description


def test_a_served_version_says_which_it_is(house, verdict, register):
    register(house.model, verdict)

    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    (answer,) = model.predict(pd.DataFrame({"image": ["***"]}))

    run_id = house.runs["train"].info.run_id
    assert answer["model"] == {"name": NAME, "version": "1", "run_id": run_id}


def test_a_verdict_that_refuses_registers_nothing(house, evaluated, register, mislabelled):
    _, verdict = evaluated(accuracy=0.9, data=mislabelled)

    outcome = register(house.model, verdict)

    assert outcome.code == 1
    assert "refused, the gate was not passed" in outcome.run.data.tags["stage.error"]
    assert alias_of("challenger") is None


def test_the_verdict_on_another_model_is_refused(house, verdict, register, other):
    with (other / "artifacts" / "network.onnx").open("ab") as file:
        file.write(b"\0")

    outcome = register(other, verdict)

    assert "is on another model" in outcome.run.data.tags["stage.error"]


def test_a_second_model_is_held_against_the_champion(house, evaluated, verdict, register, other):
    register(house.model, verdict)

    _, folder = evaluated(other, name="second")

    champion = read_json(folder / "verdict.json")["champion"]
    assert (int(champion["version"]), champion["gain"], champion["p_value"]) == (1, 0, 1)
    assert not read_json(folder / "verdict.json")["promote"]


def test_photographs_that_the_champion_has_learned_from_do_not_count(
    house, evaluated, verdict, register, other, tmp_path
):
    register(house.model, verdict)
    resplit = shutil.copytree(house.split, tmp_path / "resplit")
    table = pd.read_csv(resplit / "files.csv")
    parts = {"train": "test", "test": "train"}
    table["split"] = table["split"].replace(parts)
    table.to_csv(resplit / "files.csv", index=False)

    _, folder = evaluated(other, name="second", data=resplit)

    found = read_json(folder / "verdict.json")
    tested = int((table["split"] == "test").sum())
    assert (found["champion"]["learned_from"], found["promote"]) == (tested, False)
    assert f"{tested} that it has learned from left out" in found["reason"]


def test_a_verdict_of_before_whom_it_was_against_was_said_is_refused(house, verdict, register):
    known = read_json(verdict / "verdict.json")
    del known["judged_against"]
    (verdict / "verdict.json").write_text(json.dumps(known))

    outcome = register(house.model, verdict)

    assert "is an earlier release's: evaluate again" in outcome.run.data.tags["stage.error"]


def test_a_verdict_against_an_earlier_champion_promotes_nobody(
    house, evaluated, verdict, register, other
):
    _, stale = evaluated(other, name="second")
    register(house.model, verdict)

    outcome = register(other, stale)

    error = outcome.run.data.tags["stage.error"]
    assert "the champion is models:/balls/1, and the verdict is against none: evaluate" in error
    assert alias_of("champion") == alias_of("challenger") == "1"


def test_a_champion_is_known_by_the_verdict_that_made_it_one(
    house, evaluated, verdict, register, other
):
    register(house.model, verdict)
    _, folder = evaluated(other, name="second")
    assert register(other, promoted(folder)).code == 0

    first, second = house.runs["train"].info.run_id, registry.fetch(str(other)).facts["run_id"]
    assert rival("nobody", second) == "none"
    assert rival(NAME, second) == "models:/balls/1"
    assert rival(NAME, first) == "models:/balls/2"

    _, again = evaluated(other, name="again")
    assert "no other champion" in read_json(again / "verdict.json")["reason"]
    register(other, again)
    assert alias_of("champion") == "2"
    assert rival(NAME, second) == "models:/balls/1"


def test_the_challenger_moves_and_the_champion_stays(house, verdict, register, other):
    register(house.model, verdict)

    register(other)

    assert (alias_of("challenger"), alias_of("champion")) == ("2", "1")
    tags = MlflowClient().get_model_version(NAME, "1").tags
    assert (tags["challenger"], tags["champion"]) == ("false", "true")


def test_a_model_has_one_version_that_says_what_was_measured_last(house, verdict, register):
    register(house.model)
    assert "Not evaluated yet." in MlflowClient().get_model_version(NAME, "1").description

    register(house.model, verdict)

    (version,) = MlflowClient().search_model_versions(f"name = '{NAME}'")
    assert "right on test photographs" in version.description
    assert float(version.tags["accuracy"]) >= 0


@pytest.mark.parametrize("uri", [f"models:/{NAME}/1", f"models:/{NAME}@challenger"])
def test_a_registered_version_becomes_champion_without_a_new_one(house, evaluated, register, uri):
    register(house.model)
    _, verdict = evaluated(uri)

    assert register(uri, verdict).code == 0

    assert alias_of("champion") == "1"
    assert len(MlflowClient().search_model_versions(f"name = '{NAME}'")) == 1


def test_an_earlier_version_becomes_champion_again_by_hand(
    house, evaluated, verdict, register, other
):
    register(house.model, verdict)
    _, folder = evaluated(other, name="second")
    register(other, promoted(folder))

    assert register(f"models:/{NAME}/1", "none", "--promote", "true").code == 0

    assert (alias_of("champion"), alias_of("challenger")) == ("1", "2")
    assert serve.pin(None, NAME) == f"models:/{NAME}/1"


@pytest.mark.parametrize("judged", [True, False])
def test_by_hand_takes_a_registered_version_and_no_verdict(house, verdict, register, judged):
    register(house.model, verdict)
    model = (f"models:/{NAME}/1", verdict) if judged else (house.model, "none")

    outcome = register(*model, "--promote", "true")

    assert "models:/balls/NUMBER --verdict none" in outcome.run.data.tags["stage.error"]


@pytest.mark.parametrize("uri", ["nowhere", "models:/none/1", "models:/none@champion", "runs:/x/y"])
def test_a_model_that_is_not_there_is_named(register, uri):
    outcome = register(uri)

    assert outcome.code == 1
    assert "\n" not in outcome.run.data.tags["stage.error"]


def test_a_folder_that_is_no_packed_model_is_refused(register, tmp_path):
    (tmp_path / "other").mkdir()

    assert "artifacts/facts.json" in register(tmp_path / "other").run.data.tags["stage.error"]
