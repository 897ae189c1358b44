"""A student learns what its teacher says of the same view, each at its own resolution."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from steps.shared import networks, teacher
from steps.shared.augment import augment
from steps.shared.recipes import Augmentation, Recipe
from steps.shared.registry import PackedModel
from steps.shared.stage import StageError, read_manifest
from steps.shared.trainer import Trainer

STILL = Augmentation(
    rotation=0, shift=0, shear=0, zoom=0, aspect=0, flip=False, colour=0, hue=0, blur=0, erase=0
)


@pytest.fixture(scope="module")
def taught(house):
    keras.mixed_precision.set_dtype_policy("float32")
    return teacher.read(PackedModel(house.model, "house"), house.split, 0, 1)


def test_it_says_what_the_packed_network_says_of_the_view(house, taught):
    images = taught.images[:5]
    network = keras.models.load_model(house.model / "artifacts/network.keras", compile=False)
    seeds = [tf.constant([1, 2]), tf.constant([3, 4])]

    said = taught.targets(
        tf.constant(images), seeds, tf.eye(5, 3), Recipe(80, 1, augmentation=STILL)
    )

    view = augment(tf.constant(images), seeds[0], STILL, round(80 * teacher.VIEW))
    expected = keras.ops.softmax(network(view, training=False))
    np.testing.assert_allclose(said, expected, atol=1e-3)


def test_a_smaller_student_comes_to_agree_with_its_teacher(taught):
    recipe = Recipe(
        32,
        30,
        batch_size=19,
        dropout=0.0,
        weight_average=0.5,
        augmentation=STILL,
        learning_rate=0.05,
    )
    images = np.asarray(taught.images)
    small = keras.ops.image.resize(images.astype(np.float32), (32, 32), antialias=True)
    small = np.asarray(small).clip(0, 255).astype(np.uint8)
    labels = np.zeros(len(images), np.int32)  # of no account: only the teacher is listened to
    network = networks.build("cnn", 32, 3, recipe)
    trainer = Trainer(network, recipe, 3, len(images) // 19, 1, taught)

    for epoch in range(30):
        trainer.epoch(small, labels, epoch)

    said = taught.network(images.astype(np.float32), training=False)
    agreed = trainer.predict(small).argmax(axis=1) == np.argmax(said, axis=1)
    assert agreed.mean() > 0.8


def test_a_student_of_the_same_make_starts_where_its_teacher_is(taught):
    student = networks.build("cnn", 32, 3, Recipe(32, 1))

    assert taught.hand_down(student)
    np.testing.assert_array_equal(student.get_weights()[0], taught.network.get_weights()[0])
    assert not taught.hand_down(networks.build("resnet", 32, 3, Recipe(32, 1)))


def test_the_stage_trains_with_a_teacher(house, run_stage, tmp_path):
    flags = ["--data", house.split, "--epochs", 1, "--batch-size", 16, "--precision", "float32"]
    taught_by = ["--teacher", house.model, "--teacher-data", house.split]

    outcome = run_stage("train", *flags, *taught_by, "--out", tmp_path / "out")

    assert outcome.code == 0
    assert read_manifest(tmp_path / "out")["best_epoch"] == 0
    assert outcome.run.data.params["teacher"] == str(house.model)


def test_a_teacher_of_other_categories_is_refused(house, run_stage, tmp_path):
    folder = shutil.copytree(house.model, tmp_path / "model")
    facts = json.loads((folder / "artifacts/facts.json").read_text())
    facts["categories"] = ["cat", "dog", "horse"]
    (folder / "artifacts/facts.json").write_text(json.dumps(facts))

    outcome = run_stage(
        "train", "--data", house.split, "--teacher", folder, "--out", tmp_path / "out"
    )

    assert outcome.code == 1
    assert "knows other categories than --data has" in outcome.run.data.tags["stage.error"]


def test_a_teacher_of_other_pictures_is_refused(house, run_stage, tmp_path):
    other = shutil.copytree(house.split, tmp_path / "other")
    table = pd.read_csv(other / "files.csv", dtype=str)
    table[::-1].to_csv(other / "files.csv", index=False)
    taught_by = ["--teacher", house.model, "--teacher-data", other]

    outcome = run_stage("train", "--data", house.split, *taught_by, "--out", tmp_path / "out")

    assert "do not train on the same photographs" in outcome.run.data.tags["stage.error"]


def test_a_teacher_at_another_size_is_refused(house):
    with pytest.raises(StageError, match="has pictures of 32 pixels and house looks at 80"):
        teacher.Teacher(PackedModel(house.model, "house"), np.zeros((1, 32, 32, 3), np.uint8))
