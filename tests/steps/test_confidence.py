"""Confidence that holds what it says, and pictures that look like nothing known."""

import numpy as np
import pytest
from scipy.special import softmax

from steps.served_model.confidence import KEPT, Familiar, probabilities, strangeness
from steps.shared.calibration import Trust, fit_temperature, strangeness_quantiles, trust
from steps.shared.metrics import expected_calibration_error
from steps.shared.training import measure


def honest(n=4000, categories=5, seed=0):
    """Logits whose softmax is the very probability that labels are drawn with."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, categories))
    labels = np.array([rng.choice(categories, p=p) for p in softmax(logits, axis=1)])
    return logits, labels


@pytest.mark.parametrize("exaggeration", [0.3, 1.0, 4.0])
def test_the_temperature_takes_back_an_exaggeration(exaggeration):
    logits, labels = honest()

    temperature = fit_temperature(logits * exaggeration, labels)

    assert temperature == pytest.approx(exaggeration, rel=0.08)


def test_a_temperature_makes_confidence_honest_on_other_pictures():
    temperature = fit_temperature(3 * honest(seed=1)[0], honest(seed=1)[1])
    logits, labels = honest(seed=2)

    scores = probabilities(3 * logits, temperature)

    correct = scores.argmax(axis=1) == labels
    assert expected_calibration_error(scores.max(axis=1), correct) < 0.03


def test_probabilities_are_a_softmax_even_of_huge_logits():
    logits = np.array([[1000.0, 0.0], [1.0, 2.0]])

    np.testing.assert_allclose(probabilities(logits, 2.0), softmax(logits / 2, axis=1), atol=1e-12)


def test_what_excites_no_category_is_stranger():
    assert (np.diff(strangeness(np.array([[9.0, 0, 0], [4, 0, 0], [0, 0, 0]]))) > 0).all()


def test_what_excites_all_alike_is_no_less_strange_than_what_excites_none():
    none, sure, torn, all_alike = strangeness(np.array([[0.0, 0], [9, 0], [9, 8], [9, 9]]))
    assert all_alike == pytest.approx(none)
    assert sure < torn < none


def test_the_score_is_the_share_of_validation_that_is_less_strange():
    logits = np.random.default_rng(0).normal(0, 3, (1000, 4))
    familiar = Familiar(list(strangeness_quantiles(logits)))

    scores = familiar.unknown_scores(logits)

    assert scores.min() == 0
    assert (scores <= KEPT).mean() == pytest.approx(KEPT, abs=0.005)
    assert familiar.unknown_scores(np.full((1, 4), 20.0)) == 1


@pytest.mark.parametrize("n", [4, 10, 20, 100])
def test_so_many_photographs_are_kept_however_few_validation_has(n):
    rng = np.random.default_rng(n)

    def kept() -> float:
        familiar = Familiar(list(strangeness_quantiles(rng.normal(0, 3, (n, 4)))))
        return (familiar.unknown_scores(rng.normal(0, 3, (50, 4))) <= KEPT).mean()

    assert np.mean([kept() for _ in range(300)]) > KEPT - 0.01


def test_a_few_pictures_that_are_all_right_make_nobody_as_sure_as_can_be():
    logits, labels = honest(n=400)
    few = np.flatnonzero(logits.argmax(axis=1) == labels)[:6]

    assert 0.4 < fit_temperature(logits[few], labels[few]) < 1


def test_without_validation_pictures_nothing_is_claimed():
    assert trust(None, None) == Trust(temperature=1.0, strangeness=())


@pytest.mark.parametrize("exaggeration", [0.4, 2.5])
def test_the_loss_that_chooses_the_epoch_does_not_depend_on_how_bold_a_network_is(exaggeration):
    logits, labels = honest(seed=3)

    def loss(logits):
        return measure(softmax(logits, axis=1), labels)["validation_loss"]

    assert loss(exaggeration * logits) == pytest.approx(loss(logits), abs=1e-3)
    assert loss(logits) < loss(logits + np.random.default_rng(0).normal(size=logits.shape))
