"""Which pictures a person means: a folder of them, a list, or a table of paths."""

from pathlib import Path

import pandas as pd

from steps.shared.stage import StageError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def list_pictures(source: Path) -> tuple[Path, list[str]]:
    """The folder that paths start from, and the paths, sorted for a folder, else as listed.

    A list's and a table's relative paths start from where it lies. Raises StageError where there
    is no such thing, or nothing in it.
    """
    if source.is_dir():
        found = (p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        return source, _some(sorted(str(p.relative_to(source)) for p in found), source)
    if not source.is_file():
        raise StageError(f"--pictures {source}: there is no such folder or file.")
    return source.parent, _some(_read(source), source)


def _read(source: Path) -> list[str]:
    kind = source.suffix.lower()
    if kind == ".txt":
        return [line.strip() for line in source.read_text().splitlines() if line.strip()]
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if kind not in readers:
        raise StageError(f"--pictures {source}: a folder, .txt, .csv or .parquet is expected.")
    try:
        table = readers[kind](source)
    except Exception as error:
        raise StageError(f"--pictures {source} cannot be read as {kind}: {error}") from error
    if "path" not in table:
        raise StageError(f"--pictures {source} has no column `path`, but {list(table.columns)}.")
    return [str(path) for path in table["path"]]


def _some(paths: list[str], source: Path) -> list[str]:
    if not paths:
        raise StageError(f"--pictures {source} holds no picture.")
    return paths
