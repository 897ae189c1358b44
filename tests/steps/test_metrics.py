"""Metrics against values computed by hand or by scikit-learn, and figures that show something."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score, log_loss, top_k_accuracy_score

from steps.shared import metrics, plots


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), 200)
    labels = rng.integers(0, 5, 200)
    return probabilities, labels


def test_figures_are_those_of_scikit_learn(scored):
    probabilities, labels = scored

    figures = metrics.summary(probabilities, labels, np.arange(200))

    predicted = probabilities.argmax(axis=1)
    assert figures["accuracy"] == pytest.approx((predicted == labels).mean())
    assert figures["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert figures["top3_accuracy"] == pytest.approx(
        top_k_accuracy_score(labels, probabilities, k=3)
    )
    assert figures["log_loss"] == pytest.approx(log_loss(labels, probabilities))


def test_a_category_that_never_occurs_counts_as_zero():
    table = metrics.per_class(np.eye(3)[[0, 1]], np.array([0, 1]), ["a", "b", "c"])

    assert table["recall"].tolist() == [1, 1, 0]
    assert table["support"].tolist() == [1, 1, 0]


def test_confusion_counts_truth_by_row():
    matrix = metrics.confusion(np.eye(2)[[0, 1, 1]], np.array([0, 0, 1]))

    assert matrix.tolist() == [[1, 1], [0, 1]]


def test_the_filled_cells_of_a_confusion_are_rows():
    table = metrics.confused(np.array([[1, 0], [3, 2]]), ["a", "b"])

    assert table.to_numpy().tolist() == [["b", "a", 3], ["b", "b", 2], ["a", "a", 1]]


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    correct = np.array([True, True, True, False])

    error = metrics.expected_calibration_error(confidence, correct, bins=10)

    assert error == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)


def test_chance_alone_makes_a_calibration_error_that_shrinks_with_the_pictures():
    """Of n pictures in one bin, the mean of |share right − 0.5| is 0.5 · √(2 / πn)."""
    few, many = (metrics.calibration_error_by_chance(np.full(n, 0.5)) for n in (100, 2500))

    assert few == pytest.approx(0.5 * np.sqrt(2 / (np.pi * 100)), rel=0.15)
    assert many == pytest.approx(few / 5, rel=0.25)
    assert metrics.calibration_error_by_chance(np.ones(50)) == 0


def test_a_confidence_of_one_falls_into_the_last_bin():
    table = metrics.reliability(np.array([0.0, 1.0]), np.array([False, True]), bins=4)

    assert table["count"].tolist() == [1, 1]


def test_the_interval_holds_the_accuracy_and_narrows_with_pictures():
    def width(n):
        correct = np.arange(n) % 4 > 0
        low, high = metrics.accuracy_interval(correct, np.arange(n))
        assert low <= 0.75 <= high
        return high - low

    assert width(1000) < width(100) / 2


def test_copies_of_a_picture_do_not_narrow_the_interval():
    correct = np.arange(100) % 4 > 0
    low, high = metrics.accuracy_interval(correct, np.arange(100))

    many = metrics.accuracy_interval(np.tile(correct, 10), np.tile(np.arange(100), 10))

    assert many == pytest.approx((low, high))


@pytest.mark.parametrize("right", [True, False])
def test_eight_of_eight_are_no_certainty(right):
    """Wilson's bounds of 8 of 8 are 8 / (8 + 1.96²) and 1; of copies only the groups count."""
    least = 8 / (8 + 1.96**2)

    low, high = metrics.accuracy_interval(np.full(24, right), np.arange(24) // 3)

    assert (low, high) == pytest.approx((least, 1) if right else (0, 1 - least), abs=1e-4)


def test_one_group_that_is_half_right_says_little():
    low, high = metrics.accuracy_interval(np.array([True, False]), np.zeros(2, int))

    assert low < 0.5 < high


def test_any_number_of_groups_is_resampled_in_little_memory(monkeypatch):
    correct, groups = np.arange(500) % 7 > 0, np.arange(500) // 2
    at_once = metrics.accuracy_interval(correct, groups)

    monkeypatch.setattr(metrics, "AT_ONCE", 250 * 3)

    assert metrics.accuracy_interval(correct, groups) == at_once


def test_the_paired_test_is_mcnemars():
    correct = np.array([True] * 8 + [False] * 2 + [True] * 10)
    before = np.array([False] * 8 + [True] * 2 + [True] * 10)

    result = metrics.paired_test(correct, before, np.arange(20))

    assert (result["won"], result["lost"]) == (8, 2)
    assert result["gain"] == pytest.approx(0.3)
    assert result["p_value"] == pytest.approx(2 * (1 + 10 + 45) / 1024)


def test_equal_models_differ_by_nothing():
    same = np.array([True, False])

    assert metrics.paired_test(same, same, np.arange(2))["p_value"] == 1


def test_a_picture_and_its_copies_are_one_piece_of_evidence():
    correct, before = np.ones(10, bool), np.array([False] * 8 + [True] * 2)
    copies = np.array([0] * 8 + [1, 2])

    result = metrics.paired_test(correct, before, copies)

    assert (result["won"], result["lost"], result["p_value"]) == (1, 0, 1)
    assert result["gain"] == pytest.approx(0.8)
    assert metrics.paired_test(correct, before, np.arange(10))["p_value"] < 0.01


@pytest.mark.parametrize("measure", [metrics.summary, metrics.expected_calibration_error])
def test_no_pictures_are_an_error(measure):
    empty = np.zeros((0, 3)), np.zeros(0, int)

    with pytest.raises(ValueError, match="no pictures"):
        measure(*empty, np.zeros(0, int)) if measure is metrics.summary else measure(
            np.zeros(0), np.zeros(0, bool)
        )


ROW = {"loss": 1.0, "accuracy": 0.5, "validation_loss": 1.1, "validation_accuracy": 0.4}
FIGURES = {
    "curves": lambda: plots.curves([ROW, ROW], 1),
    "confusion": lambda: plots.confusion(np.array([[3, 1], [0, 2]]), ["a", "b"]),
    "an empty row": lambda: plots.confusion(np.array([[0, 0], [0, 2]]), ["a", "b"]),
    "reliability": lambda: plots.reliability_curve(np.array([0.2, 0.9]), np.array([False, True])),
    "sheet": lambda: plots.picture_sheet([np.zeros((9, 9, 3), np.uint8)] * 7, ["caption"] * 7),
    "empty sheet": lambda: plots.picture_sheet([], []),
}


def test_a_confusion_of_many_categories_is_no_larger_and_names_some():
    names = [f"category {i}" for i in range(1_000)]

    figure = plots.confusion(np.eye(1_000, dtype=int), names)

    (axis,) = figure.axes
    assert max(figure.get_size_inches()) < 20
    assert not axis.texts
    assert 50 < len(axis.get_xticks()) == len(axis.get_yticklabels()) < 80
    assert axis.get_yticklabels()[-1].get_text() == names[round(axis.get_yticks()[-1])]


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_pictures(draw):
    file = io.BytesIO()

    draw().savefig(file, format="png")

    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 100
