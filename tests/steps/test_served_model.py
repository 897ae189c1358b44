"""The served model: it answers like the network it was made of, and needs nothing of training."""

import base64
import json
import subprocess
import sys

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from drawing import encoded, photograph

from steps.served_model.network import Network
from steps.shared import scorer
from steps.shared.packaging import export_onnx
from steps.shared.table import read_table

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model(house):
    return mlflow.pyfunc.load_model(str(house.model))


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def rows(*texts) -> pd.DataFrame:
    return pd.DataFrame({"image": list(texts)})


@pytest.fixture(scope="module")
def held_out(house):
    table = read_table(house.split / "files.csv")
    paths = table.loc[table["split"] == "test", "path"]
    return [house.ingest / "photos" / path for path in paths]


@pytest.fixture(scope="module")
def expected(house):
    """Probabilities of the saved Keras network on the prepared test array, at its temperature."""
    network = keras.models.load_model(house.model / "artifacts" / "network.keras", compile=False)
    images = np.load(house.split / "test.npy").astype(np.float32)
    temperature = facts_of(house)["temperature"]
    return keras.ops.convert_to_numpy(
        keras.ops.softmax(network(images, training=False) / temperature)
    )


def facts_of(house):
    return json.loads((house.model / "artifacts" / "facts.json").read_text())


def scores_of(answers) -> np.ndarray:
    return np.array([list(answer["scores"].values()) for answer in answers])


def test_answers_equal_the_keras_network_on_the_prepared_array(model, held_out, expected):
    answers = model.predict(rows(*(text_of(path.read_bytes()) for path in held_out)))

    assert np.abs(scores_of(answers) - expected).max() < TOLERANCE


def test_processes_of_their_own_give_the_same_answers(house, held_out, expected):
    answers = scorer.score(house.model, held_out)

    assert np.abs(scores_of(answers) - expected).max() < TOLERANCE


def test_eight_bits_answer_almost_like_thirty_two(house, run_stage, tmp_path):
    """`cnn` is served in 8 bits where nobody says otherwise."""
    flags = ["--data", house.split, "--epochs", 3, "--batch-size", 16, "--precision", "float32"]
    assert run_stage("train", *flags, "--out", tmp_path / "train").code == 0
    artifacts, floats = tmp_path / "train" / "model" / "artifacts", tmp_path / "network.onnx"
    trained = keras.models.load_model(artifacts / "network.keras")
    images = np.load(house.split / "train.npy")

    export_onnx(trained, floats, images.shape[1], pixel_scale=1.0, logits=True)

    served = artifacts / "network.onnx"
    assert served.stat().st_size < floats.stat().st_size / 2
    whole, small = (Network(p).run(images) for p in (floats, served))
    assert (whole.logits.argmax(axis=1) == small.logits.argmax(axis=1)).mean() > 0.9
    assert small.maps.shape == whole.maps.shape


def test_a_batch_equals_its_pictures_one_by_one(model, held_out):
    texts = [text_of(path.read_bytes()) for path in held_out]

    together = model.predict(rows(*texts))
    alone = [model.predict(rows(text))[0] for text in texts]

    assert np.abs(scores_of(together) - scores_of(alone)).max() < 1e-5


def test_large_pictures_decoded_side_by_side_keep_their_order(model):
    """They are read on all cores; the last is the quickest, and one is broken."""
    sizes = [(1600, 1200), (1200, 900), (800, 600), (64, 48)]
    texts = [text_of(encoded(photograph(*size, seed=i))) for i, size in enumerate(sizes)]
    texts[1] = texts[1][:100_000]

    together = model.predict(rows(*texts))
    alone = [model.predict(rows(text))[0] for text in texts]

    assert [answer["error"] is None for answer in together] == [True, False, True, True]
    for one, other in zip(together, alone, strict=True):
        assert one["label"] == other["label"]
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_an_answer_names_label_confidence_scores_and_model(model, house):
    (answer,) = model.predict(rows(text_of(encoded(photograph()))))

    assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert answer["confidence"] == max(answer["scores"].values())
    assert answer["scores"][answer["label"]] == answer["confidence"]
    assert list(answer["scores"]) == ["basketball", "football", "tennis_ball"]
    run_id = house.runs["train"].info.run_id
    assert answer["model"] == {"name": "cnn", "version": None, "run_id": run_id}
    assert answer["error"] is None


def test_bad_rows_get_codes_while_good_ones_are_answered(model):
    good = text_of(encoded(photograph()))
    wrong = ["***", text_of(b"<html>"), "", text_of(encoded(photograph())[:9000])]

    answers = model.predict(rows(good, *wrong, good))

    codes = [answer["error"] and answer["error"]["code"] for answer in answers]
    assert codes == [None, "not_base64", "not_an_image", "empty", "damaged", None]
    assert answers[0]["scores"] == pytest.approx(answers[-1]["scores"])
    assert answers[1]["label"] is answers[1]["scores"] is answers[1]["confidence"] is None


def test_only_bad_rows_are_answered_too(model):
    answers = model.predict(rows("***", "***"))

    assert [answer["error"]["code"] for answer in answers] == ["not_base64"] * 2


def test_requirements_are_only_what_is_imported(house):
    lines = (house.model / "requirements.txt").read_text().split()

    names = {line.partition("==")[0] for line in lines}
    assert names == {"mlflow", "numpy", "onnxruntime", "pandas", "pillow", "pybase64", "pyyaml"}


def test_signature_and_example_are_logged(house):
    described = yaml.safe_load((house.model / "MLmodel").read_text())

    assert "image" in described["signature"]["inputs"]
    assert described["saved_input_example_info"]
    assert described["run_id"] == house.runs["train"].info.run_id


def test_the_code_travels_with_the_model(house):
    names = {path.name for path in (house.model / "code" / "served_model").glob("*.py")}

    assert {"classifier.py", "pictures.py", "base64_text.py", "network.py"} <= names


def test_whoever_may_read_the_model_may_read_its_artifacts(house):
    modes = {path.stat().st_mode & 0o7777 for path in (house.model, house.model / "artifacts")}

    assert len(modes) == 1


def test_a_heat_map_comes_where_it_is_asked_for(model):
    picture = rows(text_of(encoded(photograph())), "***")

    (plain, _), (explained, bad) = (model.predict(picture, {"explain": e}) for e in (False, True))

    heat = np.array(explained["heat_map"])
    assert plain["heat_map"] is None
    assert bad["heat_map"] is None
    assert heat.shape == (10, 10)
    assert np.isfinite(heat).all()
    assert plain | {"heat_map": None} == explained | {"heat_map": None}


def test_validation_photographs_are_known_but_for_one_in_twenty(house, model):
    table = read_table(house.split / "files.csv")
    paths = table.loc[table["split"] == "validation", "path"]

    answers = scorer.score(house.model, [house.ingest / "photos" / path for path in paths])

    unknown = [answer for answer in answers if not answer["known"]]
    assert len(unknown) <= 1
    assert all((answer["unknown_score"] <= 0.95) == answer["known"] for answer in answers)


def test_a_mirrored_answer_does_not_depend_on_which_way_a_picture_faces(house, tmp_path):
    from steps.served_model.network import Network

    network = Network(house.model / "artifacts" / "network.onnx", mirror=True)
    picture = np.load(house.split / "test.npy")[:1]

    there, back = (network.run(p) for p in (picture, np.ascontiguousarray(picture[:, :, ::-1])))

    np.testing.assert_allclose(there.logits, back.logits, atol=1e-4)
    np.testing.assert_allclose(there.maps, back.maps[:, :, ::-1], atol=1e-4)


LOADED = """
import json, sys
import mlflow.pyfunc, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
answers = model.predict(pandas.DataFrame({"image": [sys.argv[2]]}))
print(json.dumps([answers[0]["label"], sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_serving_imports_nothing_of_training(house, tmp_path):
    text = text_of(encoded(photograph(64, 64)))

    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(house.model), text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    label, modules = json.loads(done.stdout.splitlines()[-1])
    assert label
    assert "onnxruntime" in modules
    assert not {"tensorflow", "keras", "steps", "sklearn", "matplotlib"} & set(modules)
