"""Asks a packed model what it was not made for: spoilt pictures, and pictures of nothing known."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from steps.shared.corruptions import CORRUPTIONS, corrupt
from steps.shared.scorer import Scorer
from steps.shared.strangers import strangers

MOST = 150
"""Photographs that are spoilt: enough for ± 4 points, few enough for a minute."""
STRANGERS = 40


def robustness(scorer: Scorer, photos: Path, predictions: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Accuracy under each corruption: columns corruption, level, unit, count, accuracy.

    predictions: test rows with `path`, `category` and `predicted`. A
    row of level NaN holds the same photographs as they are.
    """
    drawn = predictions.sample(min(MOST, len(predictions)), random_state=seed)
    paths = [photos / path for path in drawn["path"]]
    whole = float((drawn["predicted"] == drawn["category"]).mean())
    rows: list[tuple] = [("none", np.nan, "", len(drawn), whole)]
    for name, kind in CORRUPTIONS.items():
        for level in kind.levels:
            change = partial(corrupt, name=name, level=level)
            answers = scorer.score(paths, f"{name} {level:g}", change)
            right = [a["label"] for a in answers] == drawn["category"].to_numpy()
            rows.append((name, level, kind.unit, len(drawn), float(np.mean(right))))
    return pd.DataFrame(rows, columns=["corruption", "level", "unit", "count", "accuracy"])


def rejected(scorer: Scorer, seed: int) -> dict[str, float]:
    """Share of strangers that the model says it does not know, by kind; empty where it never says.

    Keys: rejected_things, rejected_textures, rejected_plain and rejected (all of them).
    """
    pictures = strangers(STRANGERS, seed)
    answers = scorer.score([p for kind in pictures.values() for p in kind], "strangers")
    if any(answer["known"] is None for answer in answers):
        return {}
    unknown = np.array([not answer["known"] for answer in answers]).reshape(len(pictures), -1)
    shares = {
        f"rejected_{kind}": float(row.mean()) for kind, row in zip(pictures, unknown, strict=True)
    }
    return {**shares, "rejected": float(unknown.mean())}
