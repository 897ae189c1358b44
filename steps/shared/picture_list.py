"""Which pictures a person means: a folder of them, a list, or a table of paths."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pandas as pd

from steps.shared import spark
from steps.shared.stage import StageError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def list_pictures(pictures: str | Path) -> tuple[Path, list[str]]:
    """The folder that paths start from, and the paths, sorted for a folder, else as listed.

    pictures: of this machine, or the URI of a folder, which Spark lists. A list's and a table's
    relative paths start from where it lies; they may hold URIs too. Raises StageError where there
    is no such thing, or nothing in it.
    """
    source = Path(pictures)
    if spark.is_uri(pictures):
        return Path(), _some(_pictures(spark.list_files(str(pictures))), source)
    if source.is_dir():
        found = (os.path.relpath(path, source) for path in _files(source))
        return source, _some(_pictures(found), source)
    if not source.is_file():
        raise StageError(f"--pictures {source}: there is no such folder or file.")
    return source.parent, _some(_read(source), source)


def place(root: Path, path: str) -> Path | str:
    """Where a listed picture is: a path of this machine, or a URI."""
    return path if spark.is_uri(path) else root / path


def exists(picture: Path | str) -> bool:
    """Whether there is such a file; of a URI, only Spark can tell, and it has."""
    return spark.is_uri(picture) or Path(picture).is_file()


def _files(folder: str | Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
    """Every file below a folder, links to folders followed, but none that leads back up; links
    that lead nowhere too, for a row that says so. above: the folders that it is in."""
    info = os.stat(folder)
    here = info.st_dev, info.st_ino
    if here in above:
        return
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir():
                yield from _files(entry.path, above | {here})
            elif os.path.isfile(entry.path) or not os.path.exists(entry.path):
                yield entry.path


def _pictures(paths: Iterable[str]) -> list[str]:
    return sorted(path for path in paths if Path(path).suffix.lower() in SUFFIXES)


def _read(source: Path) -> list[str]:
    kind = source.suffix.lower()
    if kind == ".txt":
        return [line.strip() for line in source.read_text("utf-8-sig").splitlines() if line.strip()]
    as_text = partial(pd.read_csv, dtype=str, keep_default_na=False)  # a name may be 001, or NA
    readers = {".csv": as_text, ".parquet": pd.read_parquet}
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
