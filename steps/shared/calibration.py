"""What validation photographs tell about how far a network's answers can be trusted."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from steps.served_model.confidence import strangeness
from steps.served_model.network import Network

TEMPERATURES = (0.05, 20.0)
SPREAD = 0.5
"""Standard deviation of the logarithm of a temperature before any picture is seen, around 0."""
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
    """The most likely temperature (Guo et al. 2017), given that few are far from 1.

    That matters for a few pictures only: where all of them are right, their cross-entropy alone
    would have the network as sure as can be of everything.

    logits: (n, k) float; labels: (n,) int.
    """

    def surprise(logarithm: float) -> float:
        prior = (logarithm / SPREAD) ** 2 / 2
        return len(labels) * cross_entropy(logits / np.exp(logarithm), labels) + prior

    found = minimize_scalar(
        surprise,
        bounds=np.log(TEMPERATURES),
        method="bounded",
    )
    return float(np.exp(found.x))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean surprise at the true labels, in nats. logits: (n, k) float; labels: (n,) int."""
    scores = log_softmax(logits, axis=1)
    return -float(scores[np.arange(len(labels)), labels].mean())


def strangeness_quantiles(logits: np.ndarray) -> tuple[float, ...]:
    """How strange photographs look, at evenly spaced shares from 0 to 1, by those of validation.

    One more is taken to be as strange as can be: n photographs leave one in n + 1 unseen on either
    side of each (conformal prediction, Vovk et al. 2005). Else of four, a quarter would be unknown.
    """
    strangest = np.log(logits.shape[1])
    shares = np.linspace(0, 1, min(QUANTILES, len(logits) + 1))
    found = np.quantile(np.append(strangeness(logits), strangest), shares)
    return tuple(float(value) for value in found)
