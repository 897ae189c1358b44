"""How sure the model may be, and whether a picture looks like anything that it knows."""

import numpy as np

KEPT = 0.95
"""Share of the validation photographs that count as known."""


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of logits (n, categories) over a temperature that makes confidence honest on
    validation photographs (Guo et al. 2017)."""
    scaled = logits / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def strangeness(logits: np.ndarray) -> np.ndarray:
    """(n,) float: entropy of the probabilities in nats, from 0 to the logarithm of the number of
    categories, higher the stranger.

    It is what training raises for strangers (outlier exposure, Hendrycks et al. 2019). That binds
    no logit: where all are large, free energy (Liu et al. 2020) takes a stranger for a friend.
    """
    shares = probabilities(logits, 1.0)
    return -(shares * np.log(shares.clip(1e-30))).sum(axis=1)


class Familiar:
    """Turns strangeness into the share of the validation photographs that are less strange."""

    def __init__(self, quantiles: list[float]) -> None:
        """quantiles: strangeness of validation photographs at evenly spaced shares, 0 to 1."""
        self._quantiles = np.asarray(quantiles)
        self._shares = np.linspace(0, 1, len(quantiles))

    def unknown_scores(self, logits: np.ndarray) -> np.ndarray:
        """(n,) float in [0, 1]; above `KEPT` a picture looks like none of the categories."""
        return np.interp(strangeness(logits), self._quantiles, self._shares)
