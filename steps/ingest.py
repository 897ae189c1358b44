"""Collects photographs into one folder a category, with a table of one row a file."""

import os
import re
import tempfile
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pandas as pd
from tqdm import tqdm

from steps.served_model.pictures import PictureError, open_picture
from steps.shared import corrections, photo_file, sources, stage
from steps.shared.corrections import DROP, RELABEL, Corrections
from steps.shared.stage import StageError

TABLE = "files.csv"
COLUMNS = ["path", "category", "sha256", "bytes", "width", "height"]


def find_photographs(folder: Path) -> list[Path]:
    """List category/file below `folder`, sorted, relative to it.

    Raises StageError for no category or only one, an empty category, folders within one, or links
    that lead nowhere.
    """
    shape = f"expected {folder}/<category>/*.jpg"
    seen = sorted(p for p in folder.iterdir() if not sources.hidden(p))
    categories = [p for p in seen if p.is_dir()]
    if not categories:
        _require_contents(seen)
        raise StageError(f"no category folders under {folder}: {shape}.")
    found: list[Path] = []
    for category in categories:
        inside = sorted(p for p in category.iterdir() if not sources.hidden(p))
        nested = [p for p in inside if p.is_dir()]
        if nested:
            raise StageError(
                f"{category} holds folders ({nested[0].name}, …): {shape}. "
                f"Point --source at the folder whose folders are the categories."
            )
        if not inside:
            raise StageError(f"category {category.name} is empty: {shape}, or remove the folder.")
        seen += inside
        found += [p.relative_to(folder) for p in inside if p.is_file()]
    if len(categories) < 2:
        raise StageError(
            f"only one category ({categories[0].name}) under {folder}: at least two are needed."
        )
    _require_contents(seen)
    _require_text(found)
    return found


def _require_contents(paths: list[Path]) -> None:
    # git-annex and DVC leave such links where they have not fetched the files.
    lost = [path for path in paths if path.is_symlink() and not path.exists()]
    if lost:
        raise StageError(
            f"links that lead to no file: {len(lost):,}, first {lost[0]}. Fetch what they stand "
            "for (git annex get, dvc pull), or remove them."
        )


def _require_text(names: list[Path]) -> None:
    # Tables and reports are UTF-8; a name that is not cannot be written into them.
    odd = [name for name in names if name.as_posix().encode(errors="replace") != os.fsencode(name)]
    if odd:
        raise StageError(f"the name {str(odd[0])!a} is not valid UTF-8: rename the file.")
    broken = [name for name in names if re.search(r"[\x00-\x1f]", name.as_posix())]
    if broken:
        raise StageError(
            f"the name {str(broken[0])!a} has a line break or another control character in it: "
            "rename the file."
        )


def take(source: Path, out: Path, name: Path) -> dict:
    """Copy one file and describe it: a row of the table. Only its header is read as a picture."""
    digest, size = photo_file.copy(source / name, out / name)
    try:
        with open_picture(photo_file.read(out / name)) as picture:
            width, height = picture.size
    except PictureError:  # dataprep says what is wrong with it
        width = height = 0
    return dict(
        zip(
            COLUMNS,
            (
                name.as_posix(),
                name.parts[0],
                digest,
                size,
                width,
                height,
            ),
            strict=True,
        )
    )


def ingest(source: Path, out: Path) -> pd.DataFrame:
    """Copy every photograph of `source` to `out` and return the table, sorted by path."""
    names = find_photographs(source)
    for category in {name.parts[0] for name in names}:
        (out / category).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(
            tqdm(
                pool.map(lambda name: take(source, out, name), names),
                total=len(names),
                desc="ingest",
                unit="file",
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def correct(table: pd.DataFrame, sheet: Corrections, photos: Path) -> pd.DataFrame:
    """Drop and relabel what the sheet says, files included; returns the table. Raises StageError.

    A relabelled file keeps its path: its category is what the table says.
    """
    corrected = sheet.apply(table)
    for path in sorted(set(table["path"]) - set(corrected["path"])):
        (photos / path).unlink()
    figures: dict[str, float] = {"dropped": sheet.count(DROP), "relabelled": sheet.count(RELABEL)}
    print("ingest: " + ", ".join(f"{value:,} {name}" for name, value in figures.items()))
    mlflow.log_metrics(figures)
    mlflow.log_artifact(sheet.source)
    return corrected


def work(args: Namespace, out: Path) -> dict:
    """The stage: find or render the source, copy it, correct it, write the table."""
    sheet = None if args.corrections == "none" else corrections.read(args.corrections)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="unpacking-") as scratch:
        if args.source == "sample":
            from steps import sample  # numpy-heavy, and only this branch needs it

            sample.write_sample(Path(scratch), args.per_category, args.seed)
            source = Path(scratch)
        else:
            source = sources.locate(args.source, Path(scratch))
        table = ingest(source, out / "photos")
    if sheet:
        table = correct(table, sheet, out / "photos")
    table.to_csv(out / TABLE, index=False)
    counts = table["category"].value_counts().sort_index()
    print(f"ingest: {len(table):,} files in {len(counts)} categories")
    mlflow.log_metrics({"files": len(table), "categories": len(counts)})
    mlflow.log_dict(counts.to_dict(), "counts.json")
    return {"files": [TABLE], "counts": counts.to_dict(), "sample": args.source == "sample"}


if __name__ == "__main__":
    stage.run("ingest", work)
