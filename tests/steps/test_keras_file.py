"""A Keras model from elsewhere becomes a registered one."""

import keras
import numpy as np
import pytest
from drawing import encoded
from PIL import Image

from steps.shared import registry
from steps.shared.scorer import score

NAME = "balls"


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

    assert register(path, "none", *flags_of(tmp_path)).code == 0

    packed = registry.fetch(f"models:/{NAME}/1").folder
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
