"""What validation photographs tell about how far a network's answers can be trusted."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from steps.served_model.confidence import strangeness
from steps.served_model.network import Network

TEMPERATURES = (0.05, 20.0)
QUANTILES = 1001
BATCH = 64


@dataclass(frozen=True)
class Trust:
    """What a served model knows about its own answers."""

    temperature: float = 1.0
    strangeness: tuple[float, ...] = ()
    """quantiles at evenly spaced shares, see served_model/confidence.py; empty: not measured"""


def trust(network: Network, validation: tuple[np.ndarray, np.ndarray] | None) -> Trust:
    """Ask the network as it will be served about validation pictures.

    validation: (n, size, size, 3) uint8 and labels (n,) int, or None.
    """
    if validation is None or not len(validation[1]):
        return Trust()
    images, labels = validation
    logits = np.concatenate(
        [network.run(images[i : i + BATCH]).logits for i in range(0, len(images), BATCH)]
    )
    return Trust(fit_temperature(logits, labels), strangeness_quantiles(logits))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least cross-entropy (Guo et al. 2017).

    logits: (n, k) float; labels: (n,) int.
    """

    found = minimize_scalar(
        lambda logarithm: cross_entropy(logits / np.exp(logarithm), labels),
        bounds=np.log(TEMPERATURES),
        method="bounded",
    )
    return float(np.exp(found.x))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean surprise at the true labels, in nats. logits: (n, k) float; labels: (n,) int."""
    scores = log_softmax(logits, axis=1)
    return -float(scores[np.arange(len(labels)), labels].mean())


def strangeness_quantiles(logits: np.ndarray) -> tuple[float, ...]:
    """How strange validation photographs look, at evenly spaced shares from 0 to 1."""
    shares = np.linspace(0, 1, min(QUANTILES, len(logits)))
    return tuple(float(value) for value in np.quantile(strangeness(logits), shares))
