"""Reads the tables of one row a photograph that stages hand on."""

from pathlib import Path

import pandas as pd

TEXT = ("path", "category", "sha256", "split")


def read_table(path: Path) -> pd.DataFrame:
    """A stage's files.csv. What is text stays text: categories named 007 or NA are names."""
    return pd.read_csv(path, keep_default_na=False, dtype=dict.fromkeys(TEXT, str))
