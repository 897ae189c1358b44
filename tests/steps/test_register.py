"""evaluate and register: who passes the gate, who becomes champion, and what the registry says."""

import json
import shutil
import warnings

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from steps import serve
from steps.main import rival
from steps.shared import registry
from steps.shared.stage import StageError, read_json
from steps.shared.verdict import compare, judge

NAME = "balls"
FIGURES = {"accuracy": 0.8}
CLASSES = pd.DataFrame(
    {"category": ["football", "tennis_ball"], "recall": [0.9, 0.3], "support": [30, 40]}
)
KNOWN = ["football", "tennis_ball"]
SAME = {"sample": False, "learned_from": 0, "new_categories": [], "lost_categories": []}
BETTER = {"gain": 0.1, "p_value": 0.01, **SAME}


def verdict_of(champion=None, accuracy=0.5, recall=0.2, sample=False):
    return judge(FIGURES, CLASSES, champion, accuracy, recall, sample)


def test_low_accuracy_fails_the_gate():
    verdict = verdict_of(accuracy=0.9)

    assert (verdict["passed"], verdict["promote"]) == (False, False)
    assert verdict["reason"] == "accuracy 0.800 is below 0.9"


def test_a_weak_category_fails_the_gate_and_is_named():
    assert verdict_of(recall=0.5)["reason"] == "recall is below 0.5 for tennis_ball (0.30 of 40)"


def test_a_category_of_one_photograph_fails_nothing():
    single = pd.DataFrame({"category": ["football"], "recall": [0.0], "support": [1]})

    assert judge(FIGURES, single, None, 0.5, 0.2)["passed"]


def test_the_first_to_pass_becomes_champion():
    assert verdict_of()["promote"]


def test_a_better_model_becomes_champion():
    assert verdict_of(BETTER)["promote"]


@pytest.mark.parametrize("champion", [{"gain": -0.1, "p_value": 0.01}, {"gain": 0, "p_value": 1.0}])
def test_a_model_that_is_not_better_does_not(champion):
    verdict = verdict_of(SAME | champion)

    assert (verdict["passed"], verdict["promote"]) == (True, False)


def test_a_gain_by_chance_does_not_count():
    verdict = verdict_of(SAME | {"gain": 0.02, "p_value": 0.4})

    assert not verdict["promote"]
    assert "not better beyond chance" in verdict["reason"]


def answers(categories, predicted):
    return pd.DataFrame({"category": categories, "predicted": predicted})


def test_who_knows_a_new_category_need_only_hold_its_own_elsewhere():
    seen = ["football"] * 20 + ["frisbee"] * 2
    before = answers(seen, ["football"] * 20 + ["football"] * 2)
    more = [*KNOWN, "frisbee"]
    equal = SAME | compare(answers(seen, seen), before, more, KNOWN)
    worse = SAME | compare(answers(seen, ["frisbee"] * 22), before, more, KNOWN)

    assert (equal["new_categories"], equal["gain"], equal["accuracy"]) == (["frisbee"], 0, 1)
    assert verdict_of(equal)["promote"]
    assert "the champion does not know frisbee" in verdict_of(equal)["reason"]
    assert not verdict_of(worse)["promote"]
    assert "worse beyond chance" in verdict_of(worse)["reason"]


@pytest.mark.parametrize("categories", [["car", "boat"], ["football"], ["football", "car"]])
def test_who_lacks_what_the_champion_knows_never_follows_it(categories):
    seen = answers(categories * 20, categories * 20)
    compared = compare(seen, answers(seen["category"], ["x"] * len(seen)), categories, KNOWN)

    verdict = verdict_of(SAME | compared)

    assert not verdict["promote"]
    assert "tennis_ball, as the champion does" in verdict["reason"]


@pytest.mark.parametrize("sample", [True, False])
def test_photographs_follow_the_rendered_sample_and_never_the_other_way(sample):
    champion = SAME | {"gain": 0.5 if sample else -0.5, "p_value": 0.0, "sample": not sample}

    assert verdict_of(champion, sample=sample)["promote"] is not sample


def test_a_reason_names_ten_categories_at_most():
    names = [f"category {i}" for i in range(1_010)]
    classes = pd.DataFrame({"category": names, "recall": 0.0, "support": 40})

    reason = judge(FIGURES, classes, None, 0, 0.2)["reason"]

    assert reason.endswith("category 9 (0.00 of 40) and 1,000 more")


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
def register(run_stage, tmp_path):
    def register(model, verdict="none", *more):
        flags = ["--model", model, "--verdict", verdict, "--model-name", NAME]
        return run_stage("register", *flags, *more, "--out", tmp_path / "registered")

    return register


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


def keras_file(path, outputs=3, activation="softmax", size=16):
    keras.utils.set_random_seed(1)
    picture = keras.Input((size, size, 3))
    dense = keras.layers.Dense(outputs, activation=activation)
    keras.Model(picture, dense(keras.layers.Flatten()(picture))).save(path)
    return path


def flags_of(tmp_path, names="x\ny\nz\n", size=16, scale=1 / 255):
    (tmp_path / "names.txt").write_text(names)
    listed = ["--categories", tmp_path / "names.txt"]
    return [*listed, "--input-size", size, "--pixel-scale", scale]


@pytest.mark.parametrize("activation", ["softmax", None])
def test_a_keras_file_is_wrapped_and_answers_like_itself(tmp_path, register, activation):
    path = keras_file(tmp_path / "own.keras", activation=activation)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    raw = keras.models.load_model(path)(pixels[None].astype(np.float32) / 255)
    wanted = np.asarray(raw if activation else keras.ops.softmax(raw))[0]
    from drawing import encoded
    from PIL import Image

    assert register(path, "none", *flags_of(tmp_path)).code == 0

    packed = registry.fetch(f"models:/{NAME}/1").folder
    from steps.shared.scorer import score

    (tmp_path / "one.png").write_bytes(encoded(Image.fromarray(pixels)))
    (answer,) = score(packed, [tmp_path / "one.png"])
    assert list(answer["scores"]) == ["x", "y", "z"]
    assert np.abs(np.array(list(answer["scores"].values())) - wanted).max() < 1e-4


@pytest.mark.parametrize(
    ("names", "size", "reason"),
    [
        ("x\ny\n", 16, "--categories lists 2"),
        ("x\nx\nz\n", 16, "at least two categories, each once"),
        ("x\n", 16, "at least two categories"),
        ("x\ny\nz\n", 20, "set --input-size"),
    ],
)
def test_a_keras_file_that_does_not_fit_is_refused(tmp_path, register, names, size, reason):
    path = keras_file(tmp_path / "own.keras")

    outcome = register(path, "none", *flags_of(tmp_path, names, size))

    assert reason in outcome.run.data.tags["stage.error"]


def test_a_keras_file_needs_its_categories(tmp_path, register):
    outcome = register(keras_file(tmp_path / "own.keras"))

    assert "needs --categories FILE" in outcome.run.data.tags["stage.error"]


def test_a_file_that_is_no_keras_model_is_refused(tmp_path, register):
    (tmp_path / "own.keras").write_text("no model")

    outcome = register(tmp_path / "own.keras", "none", *flags_of(tmp_path))

    assert "is not a Keras model" in outcome.run.data.tags["stage.error"]


@pytest.fixture
def without_aliases(monkeypatch):
    """A server like Azure ML's: everything of the registry but aliases."""

    def refuse(*_, **__):
        raise MlflowException("404 Not Found: no such route")

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", refuse)
    monkeypatch.setattr(MlflowClient, "get_model_version_by_alias", refuse)


def test_a_server_without_aliases_is_told_by_tags(house, tracking, without_aliases):
    source = house.model.as_uri()
    run_id = mlflow.MlflowClient().create_run(mlflow.get_experiment_by_name("tests").experiment_id)
    versions = [
        registry.create_version(NAME, source, run_id.info.run_id, "text", {}) for _ in range(2)
    ]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for version in versions:
            registry.give_alias(version, "champion")

    assert "the tag champion=true says it" in str(caught[0].message)
    assert str(registry.by_alias(NAME, "champion").version) == "2"
    assert registry.by_alias(NAME, "challenger") is None


def test_an_alias_is_resolved_alike_everywhere_also_without_aliases(
    house, register, without_aliases
):
    uri = f"models:/{NAME}@challenger"
    with pytest.warns(UserWarning, match="takes no aliases"):
        register(house.model)

    assert registry.fetch(uri).uri == serve.pin(uri, NAME) == f"models:/{NAME}/1"
    with pytest.warns(UserWarning, match="takes no aliases"):
        outcome = register(uri)
    assert outcome.run.data.tags["registered"] == f"models:/{NAME}/1"


def test_a_folder_names_no_version(house, tracking):
    assert registry.version_at(str(house.model)) is None


def test_a_registry_that_fails_is_not_one_without_a_champion(tracking, monkeypatch):
    def fail(*_, **__):
        raise MlflowException("connection reset")

    monkeypatch.setattr(MlflowClient, "get_model_version_by_alias", fail)
    monkeypatch.setattr(MlflowClient, "search_model_versions", fail)

    with pytest.raises((StageError, MlflowException), match="connection reset"):
        registry.by_alias(NAME, "champion")
