"""The pictures of a search: how it went, and which values went with which accuracy."""

from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")  # a server has no screen

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steps.shared.search_space import Range

COLOURS = "viridis"


def history(trials: pd.DataFrame) -> Figure:
    """Accuracy by trial and the best so far.

    trials: columns number, accuracy (0 to 1) and pruned (bool), in order.
    """
    figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
    for pruned, marker, label in ((False, "o", "trained to the end"), (True, "x", "pruned")):
        rows = trials[trials["pruned"] == pruned]
        axis.scatter(rows["number"], rows["accuracy"], marker=marker, label=label)
    whole = trials[~trials["pruned"]]
    axis.step(whole["number"], whole["accuracy"].cummax(), where="post", label="best so far")
    axis.set(xlabel="trial (0: the recipe's own values)", ylabel="accuracy on validation")
    axis.legend()
    return figure


def parallel(trials: pd.DataFrame, searched: Sequence[Range]) -> Figure:
    """Parallel coordinates: one line a trial across the values' axes, coloured by accuracy.

    trials: as for `history`, and a column for each range. Pruned trials are thin.
    """
    names = [r.name for r in searched]
    low, high = trials["accuracy"].min(), max(trials["accuracy"].max(), 1e-6)
    figure, axis = plt.subplots(figsize=(2 + 1.6 * len(names), 5), layout="constrained")
    places = np.column_stack(
        [*(_place(trials[r.name], r) for r in searched), _scaled(trials["accuracy"], low, high)]
    )
    colour = plt.get_cmap(COLOURS)
    for line, pruned in zip(places, trials["pruned"], strict=True):
        style = {"linewidth": 0.6, "linestyle": ":"} if pruned else {"linewidth": 1.6}
        axis.plot(line, color=colour(line[-1]), **style)
    ends = [*((r.low, r.high) for r in searched), (low, high)]
    _label(axis, [*names, "accuracy on\nvalidation"], ends)
    return figure


def _label(axis: Axes, names: Sequence[str], ends: Sequence[tuple[float, float]]) -> None:
    for place, (low, high) in enumerate(ends):
        axis.axvline(place, color="grey", linewidth=0.8)
        for height, value, side in ((-0.02, low, "top"), (1.02, high, "bottom")):
            axis.text(place, height, f"{value:.3g}", ha="center", va=side, fontsize=8)
    axis.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axis.set(ylim=(-0.1, 1.1), yticks=[])
    axis.tick_params(axis="x", length=0)
    axis.spines[:].set_visible(False)


def _place(values: pd.Series, where: Range) -> np.ndarray:
    if where.log:
        return _scaled(np.log(values), np.log(where.low), np.log(where.high))
    return _scaled(values, where.low, where.high)


def _scaled(values: pd.Series, low: float, high: float) -> np.ndarray:
    return ((values - low) / max(high - low, 1e-12)).to_numpy(float)
