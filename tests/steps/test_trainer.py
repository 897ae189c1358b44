"""The trainer step by step: what it saves it takes up again, and only its own."""

import platform
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.test_util import IsMklEnabled

from steps.shared import augment, devices, networks, recipes
from steps.shared.epochs import run_epochs
from steps.shared.progress import Progress
from steps.shared.recipes import Augmentation, Recipe
from steps.shared.stage import StageError
from steps.shared.trainer import Trainer
from steps.shared.training import Data

STILL = Augmentation(
    rotation=0, shift=0, shear=0, zoom=0, aspect=0, flip=False, colour=0, hue=0, blur=0, erase=0
)
RECIPE = Recipe(size=16, epochs=4, batch_size=8, growth=(0.5, 1.0))


@pytest.fixture
def eagerly():
    """Functions run as plain Python: every line can be followed."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = np.arange(16, dtype=np.int32) % 2
    images = (
        rng.integers(0, 100, (16, 16, 16, 3), dtype=np.uint8) + 120 * labels[:, None, None, None]
    )
    return images.astype(np.uint8), labels


def trainer_of(recipe=RECIPE) -> Trainer:
    return Trainer(networks.build("cnn", recipe.size, 2, recipe), recipe, 2, steps=2, seed=1)


def test_an_epoch_after_a_resume_equals_one_without(eagerly, data, tmp_path):
    whole, resumed = trainer_of(), trainer_of()
    before = Progress(tmp_path, {"seed": 1})
    before.record(whole, whole.epoch(*data, 0) | {"validation_loss": 0.5})
    after = Progress(tmp_path, {"seed": 1})

    after.resume(resumed)

    assert after.history == before.history
    assert resumed.epoch(*data, 1) == pytest.approx(whole.epoch(*data, 1), rel=1e-5)
    assert np.allclose(resumed.predict(data[0]), whole.predict(data[0]), atol=1e-5)


def test_a_training_that_diverges_says_so_and_keeps_what_was_good(tracking, data, tmp_path):
    parts = {"train": Data(*data), "validation": Data(*data)}
    bold = replace(RECIPE, learning_rate=1e30, warmup_epochs=0, epochs=9)
    progress = Progress(tmp_path, {})

    with pytest.raises(StageError, match=r"diverged in epoch .* lower --learning-rate"):
        run_epochs(trainer_of(bold), parts, progress)

    assert all(np.isfinite(row["validation_loss"]) for row in progress.history)


def test_another_trainings_progress_is_not_taken_up(data, tmp_path):
    trainer = trainer_of()
    Progress(tmp_path, {"seed": 1}).record(trainer, {"validation_loss": 0.5})

    other = Progress(tmp_path, {"seed": 2})
    other.resume(trainer)

    assert other.history == []


def test_only_the_last_checkpoint_and_the_best_weights_stay(tmp_path):
    trainer, progress = trainer_of(), Progress(tmp_path, {})

    for loss in (0.9, 0.2, 0.2, 0.8):
        progress.record(trainer, {"validation_loss": loss})

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best-1.weights.h5", "checkpoint-3.npz", "progress.json"]


def test_the_state_of_another_network_is_refused(tmp_path):
    trainer_of().save(tmp_path / "state.npz")
    flat = replace(RECIPE, head="flatten", growth=(1.0,))

    with pytest.raises(ValueError, match="the state of another network"):
        trainer_of(flat).load(tmp_path / "state.npz")


def test_probabilities_add_up_to_one(data):
    assert np.allclose(trainer_of().predict(data[0], 5).sum(axis=1), 1, atol=1e-5)


def test_strangers_come_to_look_like_no_category(data):
    images, labels = data
    recipe = replace(
        RECIPE,
        epochs=40,
        growth=(1.0,),
        strangers=0.25,
        dropout=0.0,
        augmentation=STILL,
        weight_average=0.5,
        label_smoothing=0.0,
    )
    strangers = np.random.default_rng(1).integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)
    network = networks.build("cnn", 16, 2, recipe)
    trainer = Trainer(network, recipe, 2, 2, 1, strangers=strangers)

    for epoch in range(40):
        trainer.epoch(images, labels, epoch)

    assert recipe.strangers_a_batch == 2
    assert (trainer.predict(images).argmax(axis=1) == labels).mean() > 0.9
    assert np.abs(trainer.predict(strangers) - 0.5).mean() < 0.15


@pytest.mark.parametrize("size", [16, 8])
def test_changed_pictures_keep_range_and_repeat_from_a_seed(eagerly, data, size):
    how = replace(recipes.find("cnn").augmentation, blur=1.0, erase=1.0)
    seed = tf.constant([1, 2])

    first, again = (augment.augment(data[0], seed, how, size).numpy() for _ in range(2))
    other = augment.augment(data[0], tf.constant([1, 3]), how, size).numpy()

    assert first.shape == (16, size, size, 3)
    assert first.min() >= 0
    assert first.max() <= 255
    assert (first == again).all()
    assert not (first == other).all()


def test_no_change_leaves_pictures_as_they_are(eagerly, data):
    changed = augment.augment(data[0], tf.constant([1, 2]), STILL, 16).numpy()

    assert np.abs(changed - data[0]).max() < 0.01


def test_blur_takes_detail_but_leaves_the_brightness(eagerly, data):
    still, blurred = (
        augment.augment(data[0], tf.constant([1, 2]), replace(STILL, blur=blur), 16).numpy()
        for blur in (0.0, 1.0)
    )

    def detail(pictures):
        return np.abs(np.diff(pictures, axis=2)).mean(axis=(1, 2, 3))

    assert (detail(blurred) < detail(still)).all()
    assert np.abs(blurred.mean(axis=(1, 2, 3)) - still.mean(axis=(1, 2, 3))).max() < 1.0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is for x86-64")
def test_training_uses_onednn_on_every_processor():
    assert IsMklEnabled()


def test_the_quick_precision_is_one_that_training_knows():
    assert devices.quick_precision() in devices.PRECISIONS


@pytest.mark.parametrize(
    ("flags", "seconds", "precision"),
    [
        ({"avx512_bf16"}, {tf.bfloat16: 1.0, tf.float32: 2.0}, "mixed_bfloat16"),
        ({"avx512_bf16"}, {tf.bfloat16: 2.0, tf.float32: 1.0}, "float32"),
        ({"avx512_bf16"}, {tf.bfloat16: 1.0, tf.float32: 1.1}, "float32"),
        ({"avx2"}, {tf.bfloat16: 1.0, tf.float32: 2.0}, "float32"),
    ],
)
def test_a_processor_computes_in_bfloat16_where_that_is_measured_to_be_clearly_quicker(
    monkeypatch, flags, seconds, precision
):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(devices, "_cpu_flags", lambda: flags)
    monkeypatch.setattr(devices, "product_timer", lambda kind, _: lambda: seconds[kind])
    assert devices.quick_precision() == precision
