"""The tables of one row a photograph that stages hand on."""

from pathlib import Path

import pandas as pd

from steps.shared import stage
from steps.shared.stage import StageError

TEXT = ("path", "category", "sha256", "split")


def read_table(path: Path) -> pd.DataFrame:
    """A stage's files.csv. What is text stays text: categories named 007 or NA are names."""
    return pd.read_csv(path, keep_default_na=False, dtype=dict.fromkeys(TEXT, str))


def require_photos(photos: Path, table: pd.DataFrame, made: str) -> None:
    """Raise StageError where `photos` is not ingest's folder with the very files of the table.

    made: what was made of the files, as the error names it.
    """
    stage.read_manifest(photos, of="ingest")
    if not _files(table) <= _files(read_table(photos / "files.csv")):
        raise StageError(f"--photos {photos} is not the folder that {made} was made from.")


def _files(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["path"], table["sha256"], strict=True))
