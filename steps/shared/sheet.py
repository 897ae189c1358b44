"""The sheet that shows doubtful labels: one HTML file, pictures inside, to decide by."""

import numpy as np
import pandas as pd

from steps.shared.report import page, thumbnail

SHOWN, SIDE = 1000, 128
"""Pictures of each kind that are shown, about 5 kB each, and their longest side in pixels."""


def label_sheet(doubts: pd.DataFrame, images: np.ndarray, judged: int) -> str:
    """Render the sheet.

    doubts: audit's table and the columns conflict, group and of_label (the probability of the
    given label, 0 to 1), indexed by the row of images; images: (n, size, size, 3) uint8; judged:
    how many pictures the doubts were found among.
    """
    errors, conflicts = doubts[~doubts["conflict"]], doubts[doubts["conflict"]]
    return page(
        "sheet.html.j2",
        judged=judged,
        error_count=len(errors),
        errors=_pictures(errors.iloc[:SHOWN], images),
        conflict_count=conflicts["group"].nunique(),
        conflicts=[
            _pictures(rows, images)
            for _, rows in conflicts.iloc[:SHOWN].groupby("group", sort=False)
        ],
    )


def _pictures(rows: pd.DataFrame, images: np.ndarray) -> list[dict]:
    return [
        {"src": thumbnail(images[index], SIDE), **row}
        for index, row in zip(rows.index, rows.to_dict("records"), strict=True)
    ]
