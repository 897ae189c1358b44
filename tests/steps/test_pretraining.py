"""pretraining: a network from nothing learns from drawings first, and takes over what fits."""

from argparse import Namespace
from dataclasses import replace

import mlflow
import numpy as np
import pytest

from steps.sample import CATEGORIES
from steps.shared import pretraining, recipes, training
from steps.shared.pace import Pace
from steps.shared.recipes import Recipe
from steps.shared.training import Data, Start

RECIPE = Recipe(size=16, epochs=4, drawings=0.5, batch_size=8, growth=(0.5, 1.0), strangers=0.0)
KINDS = list(CATEGORIES)


@pytest.fixture(autouse=True)
def few(monkeypatch, tracking):
    """Three small drawings of each kind, one of them held back."""
    for name, value in (("A_KIND", 3), ("HELD_BACK", 1), ("SIDE", 16)):
        monkeypatch.setattr(pretraining, name, value)
    with mlflow.start_run():
        yield


def start_with(categories, recipe=RECIPE) -> Start:
    nothing = Data(np.zeros((8, 16, 16, 3), np.uint8), np.zeros(8, np.int32))
    parts = {"train": nothing, "validation": nothing}
    args = Namespace(network="cnn", seed=3, teacher="none", weights=None)
    return Start(args, recipe, "float32", "digest", categories, parts, None, None)


def pretrained(start, folder):
    trainer = start.trainer()
    before = [weight.copy() for weight in trainer.network.get_weights()]
    pretraining.pretrain(start, trainer, folder)
    return trainer, before


def test_features_come_over_and_a_head_for_other_things_does_not(tmp_path):
    trainer, before = pretrained(start_with(["ball", "box"]), tmp_path)

    after = trainer.network.get_weights()
    assert all(np.array_equal(*pair) for pair in zip(before[-2:], after[-2:], strict=True))
    assert not np.array_equal(before[0], after[0])
    for mean, weight in zip(trainer.average.get_weights(), after, strict=True):
        np.testing.assert_array_equal(mean, weight)


def test_the_same_categories_keep_their_head(tmp_path):
    trainer, before = pretrained(start_with(KINDS), tmp_path)

    learned = trainer.network.get_weights()[-2:]
    assert not any(np.array_equal(*pair) for pair in zip(before[-2:], learned, strict=True))


def test_what_a_killed_pretraining_had_done_is_not_done_again(tmp_path, monkeypatch):
    whole, _ = pretrained(start_with(KINDS), tmp_path / "whole")
    half = start_with(KINDS)
    record = pretraining.Progress.record

    def killed(self, trainer, row):
        record(self, trainer, row)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pretraining.Progress, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            pretrained(half, tmp_path / "killed")
    monkeypatch.delattr(pretraining, "write_sample")

    resumed, _ = pretrained(half, tmp_path / "killed")

    for a, b in zip(resumed.network.get_weights(), whole.network.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("recipe", [replace(RECIPE, drawings=0.0), replace(RECIPE, epochs=1)])
def test_without_a_whole_pass_nothing_is_drawn(recipe, tmp_path, monkeypatch):
    monkeypatch.delattr(pretraining, "write_sample")

    trainer, before = pretrained(start_with(KINDS, recipe), tmp_path)

    for old, new in zip(before, trainer.network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_drawings_are_those_of_their_labels_and_none_is_the_samples(tmp_path):
    drawn = pretraining.draw(tmp_path / "a", 16, seed=1)
    again = pretraining.draw(tmp_path / "b", 16, seed=1)

    assert drawn["train"].labels.tolist() == sorted(list(range(15)) * 2)
    assert drawn["validation"].labels.tolist() == list(range(15))
    np.testing.assert_array_equal(drawn["train"].images, again["train"].images)
    assert pretraining.FIRST_SEED > 2**16  # `make demo` draws from the seed itself
    assert len({image.tobytes() for image in drawn["train"].images}) == 30


def test_the_time_that_drawings_take_is_planned_for():
    without = replace(RECIPE, drawings=0.0)
    pace = Pace(step_s=60.0, pixel_s=0.0)
    passes = 2 * training.steps_an_epoch(RECIPE, pretraining.LEARNED)
    assert pace.minutes(RECIPE, 100, 10) == pace.minutes(without, 100, 10) + passes


def test_two_photographs_do_not_make_a_step_of_two_drawings():
    two = Data(np.zeros((2, 16, 16, 3), np.uint8), np.arange(2, dtype=np.int32))

    suited = training.suit(replace(RECIPE, drawings=0.0), two)

    assert (suited.batch_size, pretraining.on_drawings(suited).batch_size) == (2, 8)
    pace, drawn = Pace(step_s=60.0, pixel_s=0.0), replace(suited, drawings=0.5)
    passes = 2 * training.steps_an_epoch(RECIPE, pretraining.LEARNED)
    assert pace.minutes(drawn, 2, 2) == pace.minutes(suited, 2, 2) + passes


def test_enough_photographs_change_nothing_of_a_recipe():
    assert training.suit(RECIPE, start_with(KINDS).data["train"]) == RECIPE


def test_drawings_are_learned_where_no_strangers_are(tmp_path):
    """Too few photographs have none, though the batch of drawings has room for them."""
    recipe = replace(RECIPE, strangers=0.5, batch_size=2, drawings_a_step=8)

    trainer, before = pretrained(start_with(KINDS, recipe), tmp_path)

    after = trainer.network.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert not np.array_equal(before[0], after[0])


def test_recipes_that_start_from_nothing_ask_for_drawings_and_a_flag_forbids_them():
    assert [recipes.find(name).drawn_epochs for name in ("cnn", "resnet")] == [5, 6]
    refused = training.choose_recipe(Namespace(network="resnet", drawings=0.0))
    assert refused.drawn_epochs == 0
