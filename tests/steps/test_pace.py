"""pace: a training ends in the time it has, on any machine, and says what it left out."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from steps.shared import pace, recipes, stage, training
from steps.shared.recipes import Recipe

RECIPE = Recipe(size=64, epochs=100, max_minutes=60, growth=(0.5, 1.0))
COUNTS = {"train": 1000, "validation": 0}


def minutes(recipe, speed):
    return pace.pixels(recipe, **COUNTS) / speed / 60


def test_pixels_grow_with_the_pictures():
    half = 50 * 1000 * 32**2 + 50 * 1000 * 64**2
    assert pace.pixels(RECIPE, 1000, 0) == half
    assert pace.pixels(RECIPE, 1000, 300) == pytest.approx(half + 100 * 100 * 64**2)


@pytest.mark.parametrize("slower", [1.5, 2, 5, 40])
def test_as_many_epochs_as_fit_are_trained(slower):
    speed = pace.pixels(RECIPE, **COUNTS) / 3600 / slower

    epochs = pace.fitting(RECIPE, **COUNTS, pixels_a_second=speed)

    assert minutes(replace(RECIPE, epochs=epochs), speed) <= 60
    # One more would be too long. Growth moves with the epochs, so a sum may fall by one: two more.
    assert minutes(replace(RECIPE, epochs=epochs + 2), speed) > 60


@pytest.mark.parametrize("slower", [0.01, 1, 1.15])
def test_a_machine_that_is_quick_enough_trains_all(slower):
    speed = pace.pixels(RECIPE, **COUNTS) / 3600 / slower
    assert pace.fitting(RECIPE, **COUNTS, pixels_a_second=speed) == 100


def test_the_slowest_machine_trains_one_epoch():
    assert pace.fitting(RECIPE, **COUNTS, pixels_a_second=1.0) == 1


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, (100, 60.0)),
        ({"max_minutes": 5.0}, (100, 5.0)),
        ({"max_minutes": 0.0}, (100, 0.0)),
        ({"epochs": 7}, (7, 0.0)),
        ({"epochs": 7, "max_minutes": 5.0}, (7, 5.0)),
    ],
)
def test_who_counts_the_epochs_gets_them(flags, expected):
    recipe = training.choose_recipe(Namespace(network="resnet", **flags))
    assert (recipe.epochs, recipe.max_minutes) == expected


def begun(house, **flags):
    common = {"network": "cnn", "precision": "float32", "teacher": "none", "seed": 1}
    return training.begin(Namespace(data=str(house.split), **common, **flags))


def test_a_training_is_shortened_and_says_so(house, run_stage, tmp_path, capsys):
    flags = ["--data", house.split, "--precision", "float32", "--max-minutes", "0.02"]

    outcome = run_stage("train", *flags, "--out", tmp_path / "out")

    said = capsys.readouterr().out
    epochs = stage.read_json(tmp_path / "out" / pace.PACE)["epochs"]
    assert 1 <= epochs < (wanted := recipes.find("cnn").epochs)
    assert f"{epochs} of the recipe's {wanted} epochs fit into 0.02 minutes" in said
    assert f"best of {epochs} epochs" in said
    assert outcome.run.data.params["recipe.epochs"] == str(epochs)


def test_a_training_that_goes_on_keeps_its_epochs(house, tmp_path, monkeypatch):
    start = begun(house, max_minutes=0.02)
    first = pace.keep(start, tmp_path)
    monkeypatch.setattr(pace, "pixels_a_second", lambda _: pytest.fail("measured again"))
    assert pace.keep(start, tmp_path).recipe == first.recipe

    other = replace(start, recipe=replace(start.recipe, learning_rate=0.01))
    monkeypatch.setattr(pace, "pixels_a_second", lambda _: 1e12)
    assert pace.keep(other, tmp_path).recipe.epochs == recipes.find("cnn").epochs


def test_measuring_leaves_the_training_as_it_was(house):
    start = begun(house)
    before = start.trainer().network.get_weights()
    assert pace.pixels_a_second(start) > 0
    for a, b in zip(before, start.trainer().network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
