"""Decodes and resizes every photograph into one array, finds duplicates, and reports."""

from argparse import Namespace
from functools import partial
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from steps.shared import arrays, fingerprints, report, spark_decoder, stage
from steps.shared.arrays import Decoder
from steps.shared.stage import StageError
from steps.shared.table import read_table

TABLE, IMAGES, REJECTED, CONFLICTS = "files.csv", "images.npy", "rejected.csv", "conflicts.csv"


def find_decoder(args: Namespace) -> Decoder:
    """The engine that the command line says."""
    if args.engine == "spark":
        return spark_decoder.decode_files
    return partial(arrays.decode_files, workers=args.workers)


def prepare(
    photos: Path, table: pd.DataFrame, out: Path, size: int, decoder: Decoder
) -> pd.DataFrame:
    """Decode the table's files to `out`/images.npy and return the rows that could not be.

    The rejected rows have two columns more: `code` and `reason`.
    """
    errors = decoder(photos, list(table["path"]), out / IMAGES, size)
    arrays.drop_rows(out / IMAGES, set(errors))
    bad = sorted(errors)
    reasons = {"code": [errors[i].code for i in bad], "reason": [str(errors[i]) for i in bad]}
    return table.iloc[bad].assign(**reasons)


def find_groups(table: pd.DataFrame, images: np.ndarray) -> pd.DataFrame:
    """Add what duplicates tell, one value a row.

    `group`: same number, same picture (exact copies, near copies and mirrored ones);
    `duplicate`: an earlier row of the group exists; `conflict`: the group carries two labels.
    """
    pairs = list(fingerprints.similar_pairs(fingerprints.fingerprints(images)))
    pairs.append(_exact_pairs(table["sha256"]))
    groups = pd.Series(fingerprints.group(pairs, len(table)), index=table.index)
    labels = table.groupby(groups.to_numpy())["category"].nunique()
    return table.assign(
        group=groups,
        duplicate=groups.duplicated(),
        conflict=groups.map(labels).gt(1),
    )


def _exact_pairs(hashes: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    # Plain pictures have no fingerprint, but the same bytes are the same picture all the same.
    first = hashes.reset_index(drop=True).groupby(hashes.to_numpy()).transform(lambda s: s.index[0])
    rows = np.arange(len(hashes))
    copies = first.to_numpy() != rows
    return first.to_numpy()[copies], rows[copies]


def _check_categories(table: pd.DataFrame, kept: pd.DataFrame) -> None:
    gone = sorted(set(table["category"]) - set(kept["category"]))
    if gone:
        raise StageError(
            f"category {gone[0]} has no file that can be read (see {REJECTED} in the run): convert "
            "its files, or remove the folder."
        )


def work(args: Namespace, out: Path) -> dict:
    """The stage: decode, reject, group, report."""
    stage.read_manifest(args.photos)
    photos = Path(args.photos)
    table = read_table(photos / TABLE)
    decoder = find_decoder(args)
    rejected = prepare(photos / "photos", table, out, args.size, decoder)
    rejected.to_csv(out / REJECTED, index=False)
    mlflow.log_artifact(str(out / REJECTED))
    _check_share(rejected, len(table), args.max_bad_share)
    kept = table.drop(rejected.index).reset_index(drop=True)
    _check_categories(table, kept)
    images = np.load(out / IMAGES, mmap_mode="r")
    # Always at one size: a picture that moved from one network's training to another's test
    # would flatter one of them.
    again = (photos / "photos", list(kept["path"]), out / "small.npy")
    with arrays.at_size(images, *again, fingerprints.SIZE, decoder) as small:
        kept = find_groups(kept, small)
    kept.to_csv(out / TABLE, index=False)
    kept[kept["conflict"]].sort_values("group").to_csv(out / CONFLICTS, index=False)
    (out / "report.html").write_text(report.data_report(kept, rejected, images))
    for name in (CONFLICTS, "report.html"):
        mlflow.log_artifact(str(out / name))
    figures = _figures(kept, rejected)
    mlflow.log_metrics(figures)
    print("dataprep: " + ", ".join(f"{value:,} {name}" for name, value in figures.items()))
    return {"files": [TABLE, IMAGES], "size": args.size, **figures}


def _figures(kept: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, float]:
    return {
        "pictures": len(kept),
        "rejected": len(rejected),
        "duplicates": int(kept["duplicate"].sum()),
        "conflicts": int(kept["conflict"].sum()),
    }


def _check_share(rejected: pd.DataFrame, n: int, most: float) -> None:
    if len(rejected) > most * n:
        first = rejected.iloc[0]
        raise StageError(
            f"{len(rejected)} of {n} files could not be read, more than --max-bad-share {most}: "
            f"{first['path']}: {first['reason']} (the whole list: {REJECTED} of this run)."
        )
    if len(rejected) == n:
        raise StageError("no file could be read.")


if __name__ == "__main__":
    stage.run("dataprep", work)
