"""Which photographs a model has learned from, so that no later test with them flatters it.

Another seed or share parts the photographs anew, and what was training may be test.
"""

from pathlib import Path

import pandas as pd

FILE = "learned_from.txt"
DIGITS = 16
"""of each photograph's SHA-256, in hexadecimal: enough to tell a billion apart"""


def record(model: Path, table: pd.DataFrame) -> None:
    """Write down, in a packed model's folder, what `table` (split's) trains and validates on."""
    learned = table.loc[table["split"].isin(["train", "validation"]), "sha256"]
    lines = sorted(learned.str[:DIGITS])
    (model / "artifacts" / FILE).write_text("".join(f"{line}\n" for line in lines))


def unseen(model: Path, table: pd.DataFrame) -> pd.Series:
    """(n,) bool: which rows the model has not learned from; all where it does not say."""
    path = model / "artifacts" / FILE
    learned = path.read_text().split() if path.is_file() else []
    return ~table["sha256"].str[:DIGITS].isin(learned)
