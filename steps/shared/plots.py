"""The pictures that stages log: curves, confusion, reliability, worst mistakes."""

import math
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")  # a server has no screen

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from steps.shared.metrics import reliability

READABLE = 60
"""Categories up to which each has its half inch, its name and its numbers in a confusion matrix."""
SIDE_OF_MANY, NAMES_AN_INCH = 15, 5
"""Inches along the side of a matrix of more, and how many names it has room for."""


def curves(history: Sequence[dict[str, float]], best_epoch: int) -> Figure:
    """Loss and accuracy by epoch, the epoch that was kept marked.

    history: a dictionary an epoch with loss, accuracy, validation_loss, validation_accuracy.
    """
    figure, axes = _figure(1, 2, (10, 4))
    epochs = range(1, len(history) + 1)
    for axis, name in zip(axes.flat, ("loss", "accuracy"), strict=True):
        for key, label in ((name, "train (augmented)"), (f"validation_{name}", "validation")):
            axis.plot(epochs, [row[key] for row in history], label=label)
        axis.axvline(best_epoch + 1, color="grey", linestyle=":", label="kept")
        axis.set(xlabel="epoch", ylabel=name)
        axis.legend()
    return figure


def confusion(matrix: np.ndarray, categories: Sequence[str]) -> Figure:
    """Counts by true (rows) and predicted (columns) category. matrix: (k, k) int.

    Above READABLE categories the picture grows no further: colours without numbers (which follow
    from predictions.csv), and as many names as there is room for.
    """
    many = len(categories) > READABLE
    side = SIDE_OF_MANY if many else 0.5 * len(categories)
    figure, axes = _figure(1, 1, (2 + side, 1.5 + side))
    axis = axes.flat[0]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in () if many else np.argwhere(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, matrix[row, column], ha="center", va="center", color=colour)
    every = math.ceil(len(categories) / (side * NAMES_AN_INCH))
    ticks, names = range(0, len(categories), every), categories[::every]
    axis.set_xticks(ticks, names, rotation=90)
    axis.set_yticks(ticks, names)
    axis.set(xlabel="predicted", ylabel="true")
    return figure


def reliability_curve(confidence: np.ndarray, correct: np.ndarray) -> Figure:
    """Accuracy by confidence beside the diagonal of a calibrated model. Both (n,)."""
    figure, axes = _figure(1, 1, (5, 5))
    axis = axes.flat[0]
    bins = reliability(confidence, correct)
    axis.plot([0, 1], [0, 1], color="grey", linestyle=":", label="calibrated")
    axis.plot(bins["confidence"], bins["accuracy"], marker="o", label="this model")
    most = bins["count"].max()
    axis.bar(bins["confidence"], bins["count"] / most, width=0.04, alpha=0.2, label="pictures")
    axis.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    axis.legend()
    return figure


def slices(table: pd.DataFrame) -> Figure:
    """Accuracy in each slice with its interval, a panel a property; see slices.py."""
    names = list(table["property"].unique())
    figure, axes = _figure(1, len(names), (2.4 * len(names), 3.6))
    for axis, name in zip(axes.flat, names, strict=True):
        rows = table[table["property"] == name]
        found, low, high = rows[["accuracy", "low", "high"]].to_numpy().T
        axis.errorbar(range(len(rows)), found, yerr=[found - low, high - found], fmt="o", capsize=3)
        ticks = [f"{r.slice}\n({r.count})" for r in rows.itertuples(index=False)]
        axis.set_xticks(range(len(rows)), ticks, rotation=90, fontsize=7)
        axis.set(title=name, ylim=(0, 1.02), xlim=(-0.5, len(rows) - 0.5))
    axes.flat[0].set_ylabel("accuracy")
    return figure


def robustness(table: pd.DataFrame) -> Figure:
    """Accuracy against each corruption's levels, mildest at the left; see trust_tests.py."""
    figure, axes = _figure(1, 1, (7, 4.5))
    axis = axes.flat[0]
    whole = table.loc[table["corruption"] == "none", "accuracy"].iloc[0]
    for name, rows in table[table["corruption"] != "none"].groupby("corruption", sort=False):
        levels = " · ".join(f"{level:g}" for level in rows["level"])
        label = f"{name}: {levels} {rows['unit'].iloc[0]}"
        axis.plot(range(len(rows) + 1), [whole, *rows["accuracy"]], marker="o", label=label)
    axis.set(ylim=(0, 1.02), ylabel="accuracy", xlabel="step, 0 is the picture as it is")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(fontsize=7)
    return figure


def picture_sheet(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    heat_maps: Sequence[list | None] = (),
    columns: int = 6,
) -> Figure:
    """Pictures in a grid, each with its caption above, and what spoke for its label laid over it.

    pictures: (size, size, 3) uint8 each; heat_maps: rows of floats each, or None.
    """
    rows = max(1, -(-len(pictures) // columns))
    figure, axes = _figure(rows, columns, (2.1 * columns, 2.5 * rows))
    for axis in axes.flat:
        axis.axis("off")
    heats = [*heat_maps, *[None] * len(pictures)]
    for axis, picture, caption, heat in zip(axes.flat, pictures, captions, heats, strict=False):
        axis.imshow(picture, extent=(0, 1, 0, 1))
        if heat is not None:
            for_it = np.maximum(heat, 0)
            axis.imshow(
                for_it, cmap="inferno", alpha=0.45, extent=(0, 1, 0, 1), interpolation="bicubic"
            )
        axis.set_title(caption, fontsize=7)
    return figure


def _figure(rows: int, columns: int, inches: tuple[float, float]) -> tuple[Figure, np.ndarray]:
    return plt.subplots(rows, columns, figsize=inches, layout="constrained", squeeze=False)
