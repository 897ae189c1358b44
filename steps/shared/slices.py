"""Where a classifier is weak: its accuracy by what the photographs are like."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import laplace
from scipy.stats import binomtest

from steps.served_model.pictures import decode, open_picture
from steps.shared.fingerprints import YCBCR

SIDE = 128
"""Side in pixels at which brightness, blur and plainness are measured, for all pictures alike."""
BORDER = SIDE // 16
BINS = 3
LUMA = YCBCR[0]


def describe(photos: Path, table: pd.DataFrame) -> pd.DataFrame:
    """What each row's photograph is like, in the table's order.

    photos: the folder that the table's column `path` starts from. Returns `size` (pixels),
    `aspect` (width by height), `brightness` (mean luma, 0 to 255), `sharpness` (variance of the
    Laplacian, Pech-Pacheco et al. 2000), `background` (standard deviation of the border's colours:
    0 is plain) and `group` ("alone" or "with near-duplicates" in the table).
    """
    rows = [_describe((photos / path).read_bytes()) for path in table["path"]]
    groups = table["group"].duplicated(keep=False).to_numpy()
    names = np.where(groups, "with near-duplicates", "alone")
    return pd.DataFrame(rows).assign(group=names)


def _describe(data: bytes) -> dict[str, float]:
    with open_picture(data) as picture:
        width, height = picture.size
    pixels = decode(data, SIDE).astype(np.float64)
    luma = pixels @ LUMA
    inner = np.zeros((SIDE, SIDE), bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    return {
        "size": float(width * height),
        "aspect": width / height,
        "brightness": float(luma.mean()),
        "sharpness": float(laplace(luma).var()),
        "background": float(pixels[~inner].std(axis=0).mean()),
    }


def accuracy_by_slice(described: pd.DataFrame, correct: np.ndarray) -> pd.DataFrame:
    """Accuracy in each third of each property, and in each value of `group`.

    described: from `describe`; correct: (n,) bool. Returns a row a slice: property, slice, count,
    accuracy, and the 95 % interval of Wilson (1927), low and high. Each photograph is in one slice
    of each property.
    """
    rows = []
    for name, values in described.items():
        for label, inside in _parts(values):
            count, hits = int(inside.sum()), int(correct[inside].sum())
            rows.append((name, label, count, hits / count, *interval(hits, count)))
    columns = ["property", "slice", "count", "accuracy", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def interval(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); near-duplicates count as if they were independent."""
    low, high = binomtest(hits, count).proportion_ci(method="wilson")
    return float(low), float(high)


def _parts(values: pd.Series) -> list[tuple[str, np.ndarray]]:
    """Each slice's name and its rows; a property that hardly varies has fewer than three."""
    if values.dtype.kind != "f":
        return [(str(v), (values == v).to_numpy()) for v in sorted(values.unique())]
    if values.nunique() == 1:
        return [(f"all {_number(values.iloc[0])}", np.ones(len(values), bool))]
    cut, edges = pd.qcut(values, BINS, labels=False, duplicates="drop", retbins=True)
    names = [f"{_number(a)} to {_number(b)}" for a, b in pairwise(edges)]
    parts = [(name, (cut == i).to_numpy()) for i, name in enumerate(names)]
    return [(name, rows) for name, rows in parts if rows.any()]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
