"""Ways to tell how strange a picture looks to a network, higher the stranger, each with its source.

All see what the network's head sees (the pooled features) and says (the logits), of the training
photographs, of the validation photographs, and of the pictures that are asked about.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf

from steps.served_model.confidence import probabilities, strangeness
from steps.shared.calibration import fit_temperature
from steps.shared.heads import pooled_features

NEIGHBOUR = 5
KEPT_VARIANCE = 0.95
"""Share of the features' variance that spans the familiar subspace of `virtual_logit`."""


@dataclass(frozen=True)
class Seen:
    """features: (n, filters) float32; logits: (n, categories) float32; labels: (n,) int."""

    features: np.ndarray
    logits: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Reference:
    """What strangeness is measured by."""

    train: Seen
    validation: Seen


Score = Callable[[Reference, Seen], np.ndarray]


def look(network: keras.Model, images: np.ndarray, labels: np.ndarray | None = None) -> Seen:
    """What a network sees in images (n, size, size, 3) uint8."""
    features = pooled_features(network, images)
    kernel, bias = network.get_layer("logits").get_weights()
    labels = np.full(len(images), -1) if labels is None else labels
    return Seen(features, features @ kernel + bias, labels)


def energy(_: Reference, asked: Seen) -> np.ndarray:
    """Free energy (Liu et al. 2020)."""
    return -logsumexp(asked.logits, axis=1)


def largest_logit(_: Reference, asked: Seen) -> np.ndarray:
    """Hendrycks et al. 2022."""
    return -asked.logits.max(axis=1)


def softmax(_: Reference, asked: Seen) -> np.ndarray:
    """Hendrycks and Gimpel 2017."""
    return -probabilities(asked.logits, 1.0).max(axis=1)


def entropy(_: Reference, asked: Seen) -> np.ndarray:
    """Of the probabilities as the network has them; what is served."""
    return strangeness(asked.logits)


def calibrated_entropy(reference: Reference, asked: Seen) -> np.ndarray:
    """Of the probabilities that a client gets, at the temperature of validation."""
    seen = reference.validation
    return strangeness(asked.logits / fit_temperature(seen.logits, seen.labels))


def generalized_entropy(_: Reference, asked: Seen) -> np.ndarray:
    """Liu, Lochman and Zach 2023, with their exponent, over all categories."""
    shares = probabilities(asked.logits, 1.0)
    return ((shares * (1 - shares)).clip(0.0) ** 0.1).sum(axis=1)


def logit_norm(_: Reference, asked: Seen) -> np.ndarray:
    """Wei et al. 2022, without their training."""
    return -np.linalg.norm(asked.logits, axis=1)


def feature_norm(_: Reference, asked: Seen) -> np.ndarray:
    """Dhamija et al. 2018."""
    return -np.linalg.norm(asked.features, axis=1)


def neighbours(reference: Reference, asked: Seen) -> np.ndarray:
    """Distance to the fifth nearest training photograph, features of length 1 (Sun et al. 2022)."""
    closeness = _unit(asked.features) @ _unit(reference.train.features).T
    return -np.partition(closeness, -NEIGHBOUR, axis=1)[:, -NEIGHBOUR]


def mahalanobis(reference: Reference, asked: Seen) -> np.ndarray:
    """Distance to the nearest category, one covariance for all (Lee et al. 2018)."""
    train = reference.train
    means = np.stack([train.features[train.labels == c].mean(axis=0) for c in _categories(train)])
    fitted = LedoitWolf(assume_centered=True).fit(train.features - means[train.labels])
    return np.stack([fitted.mahalanobis(asked.features - mean) for mean in means]).min(axis=0)


def virtual_logit(reference: Reference, asked: Seen) -> np.ndarray:
    """What lies outside the subspace of the training features, as a logit (Wang et al. 2022)."""
    features = reference.train.features
    centre = features.mean(axis=0)
    _, spread, axes = np.linalg.svd(features - centre, full_matrices=False)
    familiar = np.cumsum(spread**2) / np.sum(spread**2) <= KEPT_VARIANCE

    def residual(seen: Seen) -> np.ndarray:
        return np.linalg.norm((seen.features - centre) @ axes[~familiar].T, axis=1)

    scale = reference.train.logits.max(axis=1).mean() / residual(reference.train).mean()
    return scale * residual(asked) + energy(reference, asked)


def energy_and_neighbours(reference: Reference, asked: Seen) -> np.ndarray:
    """The sum of both, each in standard deviations of the validation photographs."""
    total = np.zeros(len(asked.features))
    for score in (energy, neighbours):
        usual = score(reference, reference.validation)
        total += (score(reference, asked) - usual.mean()) / usual.std()
    return total


SCORES: dict[str, Score] = {
    score.__name__: score
    for score in (
        energy,
        largest_logit,
        softmax,
        entropy,
        calibrated_entropy,
        generalized_entropy,
        logit_norm,
        feature_norm,
        neighbours,
        mahalanobis,
        virtual_logit,
        energy_and_neighbours,
    )
}


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)


def _categories(seen: Seen) -> range:
    return range(int(seen.labels.max()) + 1)
