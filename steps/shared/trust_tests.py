"""Asks a packed model what it was not made for: spoilt pictures, and pictures of nothing known."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from steps.shared.corruptions import CORRUPTIONS, corrupt, reduced
from steps.shared.scorer import Scorer
from steps.shared.strangers import strangers

MOST = 150
"""Photographs that are spoilt: enough for ± 5 points at 90 %, few enough for a minute."""
STRANGERS = 40


def robustness(scorer: Scorer, photos: Path, predictions: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Accuracy under each corruption: columns corruption, level, unit, count, accuracy.

    predictions: test rows with `path` and `category`. The row of corruption "none", its level
    NaN, holds the same photographs unspoilt. Raises StageError where the model refuses one.
    """
    drawn = stratified(predictions, MOST, seed)
    wanted = drawn["category"].to_numpy()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.png" for i in range(len(drawn))]
        for path, source in zip(paths, drawn["path"], strict=True):
            path.write_bytes(reduced((photos / source).read_bytes()))

        def accuracy(label: str, change: Callable[[bytes], bytes] | None = None) -> float:
            answers = scorer.require(paths, label, change)
            return float(np.mean([a["label"] for a in answers] == wanted))

        rows: list[tuple] = [("none", np.nan, "", len(drawn), accuracy("unspoilt"))]
        for name, kind in CORRUPTIONS.items():
            for level in kind.levels:
                worse = accuracy(f"{name} {level:g}", partial(corrupt, name=name, level=level))
                rows.append((name, level, kind.unit, len(drawn), worse))
    return pd.DataFrame(rows, columns=["corruption", "level", "unit", "count", "accuracy"])


def stratified(table: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many rows, each category with the share that it has in the whole table."""
    mixed = table.sample(frac=1, random_state=seed)
    groups = mixed.groupby("category")["category"]
    # Rows spread evenly over 0 to 1 within each category: any first part has all in proportion.
    places = (groups.cumcount() + 0.5) / groups.transform("size")
    return mixed.loc[places.sort_values(kind="stable").index[:most]]


def rejected(scorer: Scorer, seed: int) -> dict[str, float]:
    """Share of strangers that the model says it does not know, by kind; empty where it never says.

    Keys: rejected_things, rejected_textures, rejected_plain and rejected (all of them).
    """
    pictures = strangers(STRANGERS, seed)
    answers = scorer.require([p for kind in pictures.values() for p in kind], "strangers")
    # Models of before this was measured do not have the key.
    if any(answer.get("known") is None for answer in answers):
        return {}
    unknown = np.array([not answer["known"] for answer in answers]).reshape(len(pictures), -1)
    shares = {
        f"rejected_{kind}": float(row.mean()) for kind, row in zip(pictures, unknown, strict=True)
    }
    return {**shares, "rejected": float(unknown.mean())}
