"""pace: a training ends in the time it has, on any machine, and says what it left out."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from steps.shared import pace, recipes, stage, training
from steps.shared.pace import Pace
from steps.shared.recipes import Recipe

RECIPE = Recipe(size=64, epochs=100, max_minutes=60, batch_size=50, strangers=0, growth=(0.5, 1.0))
COUNTS = {"train": 1000, "validation": 0}
ALL_S = Pace(1.0, 1e-4).minutes(RECIPE, **COUNTS) * 60
HOUR = Pace(3600 / ALL_S, 1e-4 * 3600 / ALL_S)
"""The pace that takes 60 minutes for all."""


def slower(times):
    return Pace(HOUR.step_s * times, HOUR.pixel_s * times)


def test_steps_and_pixels_take_time():
    steps, pixels = 100 * 20, 50 * 1000 * (32**2 + 64**2)
    assert Pace(0.6, 0.0).minutes(RECIPE, 1000, 0) == pytest.approx(steps * 0.01)
    assert Pace(0.0, 6e-6).minutes(RECIPE, 1000, 0) == pytest.approx(pixels * 1e-7)
    asked = 100 * 300 * 64**2 / 3  # only forward
    assert Pace(0.0, 6e-6).minutes(RECIPE, 1000, 300) == pytest.approx((pixels + asked) * 1e-7)


def test_a_pace_explains_what_was_timed():
    pace = Pace.through((1_000, 0.3), (3_000, 0.5))
    assert (pace.step_s, pace.pixel_s) == pytest.approx((0.2, 1e-4))
    assert Pace.through((1_000, 0.5), (1_000, 0.5)) == Pace(0.0, 5e-4)


@pytest.mark.parametrize("small", [0.0, 0.1, 0.5, 0.9])
def test_a_clock_that_was_off_takes_no_time_away(small):
    pace = Pace.through((1_000, small), (3_000, 0.5))
    assert pace.step_s >= 0 and pace.pixel_s >= 0
    assert pace.step_s + 3_000 * pace.pixel_s == pytest.approx(0.5)


@pytest.mark.parametrize("times", [1.5, 2, 5, 40])
def test_as_many_epochs_as_fit_are_trained(times):
    epochs = slower(times).fitting(RECIPE, **COUNTS)

    assert slower(times).minutes(replace(RECIPE, epochs=epochs), **COUNTS) <= 60
    # One more would be too long. Growth moves with the epochs, so a sum may fall by one: two more.
    assert slower(times).minutes(replace(RECIPE, epochs=epochs + 2), **COUNTS) > 60


@pytest.mark.parametrize("times", [0.01, 1, 1.15])
def test_a_machine_that_is_quick_enough_trains_all(times):
    assert slower(times).fitting(RECIPE, **COUNTS) == 100


def test_the_slowest_machine_trains_one_epoch():
    assert slower(1e6).fitting(RECIPE, **COUNTS) == 1


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, (150, 60.0)),
        ({"max_minutes": 5.0}, (150, 5.0)),
        ({"max_minutes": 0.0}, (150, 0.0)),
        ({"epochs": 7}, (7, 0.0)),
        ({"epochs": 7, "max_minutes": 5.0}, (7, 5.0)),
    ],
)
def test_who_counts_the_epochs_gets_them(flags, expected):
    recipe = training.choose_recipe(Namespace(network="resnet", **flags))
    assert (recipe.epochs, recipe.max_minutes) == expected


def begun(house, **flags):
    common = {
        "network": "cnn",
        "precision": "float32",
        "teacher": "none",
        "weights": None,
        "seed": 1,
    }
    return training.begin(Namespace(data=str(house.split), **common | flags))


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
    monkeypatch.setattr(pace, "measure", lambda _: pytest.fail("measured again"))
    assert pace.keep(start, tmp_path).recipe == first.recipe

    other = replace(start, recipe=replace(start.recipe, learning_rate=0.01))
    monkeypatch.setattr(pace, "measure", lambda _: Pace(1e-9, 1e-12))
    assert pace.keep(other, tmp_path).recipe.epochs == recipes.find("cnn").epochs


def test_other_weights_in_the_same_file_are_another_training(house, tmp_path):
    path = tmp_path / "own.weights.h5"
    path.write_bytes(b"some")
    before = begun(house, weights=str(path)).identity
    assert begun(house, weights=str(path)).identity == before

    path.write_bytes(b"others")
    assert begun(house, weights=str(path)).identity != before


def test_measuring_leaves_the_training_as_it_was(house):
    start = begun(house)
    before = start.trainer().network.get_weights()
    found = pace.measure(start)
    assert found.step_s + found.pixel_s > 0
    for a, b in zip(before, start.trainer().network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
