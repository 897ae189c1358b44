"""How good a classifier is, how sure that is, and how honest its confidence."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from steps.shared.slices import interval

RESAMPLES = 2000
AT_ONCE = 2_000_000
"""Numbers that are drawn at one time: 16 MB of them, however many groups there are."""
DRAWS = 200


def accuracy_interval(
    correct: np.ndarray, groups: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of the accuracy (Efron 1979), resampling whole groups.

    correct: (n,) bool; groups: (n,) int, near-duplicates share one: they are not independent.
    Where as much is right in every group, as when all is, resampling would pretend certainty:
    there it is Wilson's interval (1927) of as many independent pictures as there are groups.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    hits = np.bincount(numbers, weights=correct)
    sizes = np.bincount(numbers)
    shares = hits / sizes
    if (shares == shares[0]).all():
        return interval(round(shares[0] * len(sizes)), len(sizes))
    rng, n = np.random.default_rng(seed), len(sizes)
    step = max(1, AT_ONCE // n)
    found: list[float] = []
    for first in range(0, RESAMPLES, step):  # the same numbers as all at once
        drawn = rng.integers(0, n, (min(step, RESAMPLES - first), n))
        found += list(hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def summary(probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """The figures of one model on one set of pictures.

    probabilities: (n, k) float, labels and groups: (n,) int. Raises ValueError where n is 0.
    """
    if not len(labels):
        raise ValueError("no pictures to measure on")
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    low, high = accuracy_interval(correct, groups)
    confidence = probabilities.max(axis=1)
    of_truth = probabilities[np.arange(len(labels)), labels]
    above = (probabilities > of_truth[:, None]).sum(axis=1)
    *_, f1, _ = precision_recall_fscore_support(
        labels, predicted, labels=range(probabilities.shape[1]), zero_division=0
    )
    return {
        "accuracy": float(correct.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(f1.mean()),
        "top3_accuracy": float((above < 3).mean()),
        "calibration_error": expected_calibration_error(confidence, correct),
        "calibration_error_by_chance": calibration_error_by_chance(confidence),
        "log_loss": float(-np.log(np.clip(of_truth, 1e-7, 1)).mean()),
    }


def per_class(probabilities: np.ndarray, labels: np.ndarray, categories: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and support a category, in the order of `categories`."""
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=range(len(categories)), zero_division=0
    )
    return pd.DataFrame(
        {
            "category": categories,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "support": support,
        }
    )


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (k, k): true category by row, predicted by column."""
    return confusion_matrix(
        labels, probabilities.argmax(axis=1), labels=range(probabilities.shape[1])
    )


def confused(matrix: np.ndarray, categories: list[str]) -> pd.DataFrame:
    """The filled cells of `confusion`'s matrix as rows, for as many categories as one likes.

    matrix: (k, k) int. Returns category, predicted and count, the largest count first.
    """
    rows, columns = np.nonzero(matrix)
    names = np.array(categories, object)
    cells = {"category": names[rows], "predicted": names[columns], "count": matrix[rows, columns]}
    return pd.DataFrame(cells).sort_values("count", ascending=False, kind="stable")


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Mean confidence, accuracy and count of the pictures in each filled equal-width bin."""
    which = np.clip((confidence * bins).astype(int), 0, bins - 1)
    frame = pd.DataFrame({"bin": which, "confidence": confidence, "accuracy": correct * 1.0})
    means = frame.groupby("bin").mean()
    return means.assign(count=frame.groupby("bin").size()).reset_index(drop=True)


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> float:
    """Gap between confidence and accuracy, averaged over equal-width bins (Guo et al. 2017).

    confidence: (n,) float in [0, 1]; correct: (n,) bool. Returns a float in [0, 1].
    Raises ValueError where n is 0.
    """
    if not len(confidence):
        raise ValueError("no pictures to measure on")
    table = reliability(confidence, correct, bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float((gaps * table["count"]).sum() / len(confidence))


def calibration_error_by_chance(confidence: np.ndarray, seed: int = 0) -> float:
    """What `expected_calibration_error` comes to by chance where confidence is perfectly honest.

    confidence: (n,) float in [0, 1]. Pictures are drawn right as often as the confidence says
    (consistency resampling, Bröcker and Smith 2007): with few pictures the error is never 0.
    """
    draws = np.random.default_rng(seed).random((DRAWS, len(confidence))) < confidence
    return float(np.mean([expected_calibration_error(confidence, correct) for correct in draws]))


def paired_test(correct: np.ndarray, champion: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Compare two models on the same pictures by McNemar's exact test (1947), where copies of one
    picture are one piece of evidence: the test is of groups of duplicates.

    correct, champion: (n,) bool; groups: (n,), the group of each picture. Returns the gain in
    accuracy, the groups of which the one and the other gets more right, and the two-sided p-value.
    """
    gains = pd.Series(correct * 1 - champion).groupby(groups).sum()
    won, lost = int((gains > 0).sum()), int((gains < 0).sum())
    p_value = binomtest(won, won + lost).pvalue if won + lost else 1.0
    return {
        "gain": float(correct.mean() - champion.mean()),
        "won": won,
        "lost": lost,
        "p_value": float(p_value),
    }
