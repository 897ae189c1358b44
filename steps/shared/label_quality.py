"""Finds labels that are probably wrong, by what the other photographs say of them.

Confident learning (Northcutt, Jiang and Chuang 2021): a picture whose out-of-fold probabilities
speak for another category, as surely as that category's own pictures do, is probably mislabelled.
"""

import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.model_selection import StratifiedGroupKFold
from tqdm import tqdm

from steps.shared import devices, heads, networks, recipes
from steps.shared.stage import StageError

NETWORK = "efficientnet_lite0"
SIZE = 224
"""Side in pixels that the weights learned at; the pictures are looked at in it."""
FOLDS = 5


def frozen_features(images: np.ndarray) -> np.ndarray:
    """What ImageNet taught a network to see, untouched by the labels that are judged by it.

    images: (n, SIZE, SIZE, 3) uint8. Returns (n, 1280) float32.
    """
    with devices.computing_in(devices.quick_precision()):
        network = networks.build(NETWORK, SIZE, 2, recipes.find(NETWORK))
    networks.load_pretrained(network, NETWORK, None)
    return heads.pooled_features(network, images)


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> np.ndarray:
    """Each picture's probabilities by a regression on the other folds.

    features: (n, d) float; labels: (n,) int in [0, k), all present; groups: (n,) int, equal for
    copies of one picture, which share a fold: a copy must not vouch for its own label.
    Returns (n, k) float in [0, 1], rows of sum 1. Needs what `require_enough` checks.
    """
    found = np.zeros((len(labels), labels.max() + 1))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    parts = folds.split(features, labels, groups)
    for rest, part in tqdm(parts, total=FOLDS, desc="out of fold", unit="fold"):
        fitted = heads.probe().fit(features[rest], labels[rest])
        found[np.ix_(part, fitted.classes_)] = fitted.predict_proba(features[part])
    return found


def likely_errors(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Which labels confident learning would prune by noise rate; (n,) bool.

    labels: (n,) int; probabilities: (n, k) float, out of fold.
    """
    # One process: the joint of some thousand rows takes less time than starting another.
    return find_label_issues(labels, probabilities, filter_by="prune_by_noise_rate", n_jobs=1)


def require_enough(categories: np.ndarray, groups: np.ndarray) -> None:
    """Raise StageError for a category of fewer different pictures than there are folds.

    categories: (n,) str; groups: (n,) int, equal for copies of one picture.
    """
    for name in np.unique(categories):
        count = len(np.unique(groups[categories == name]))
        if count < FOLDS:
            raise StageError(
                f"category {name} has {count} different pictures, too few to judge its labels by "
                f"the others: at least {FOLDS} are needed; add pictures, or remove the category."
            )
