"""Parts the photographs into train, validation and test, duplicates kept together."""

import hashlib
from argparse import Namespace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from steps.shared import arrays, stage
from steps.shared.stage import StageError
from steps.shared.table import read_table

TABLE, IMAGES = "files.csv", "images.npy"
PARTS = ("train", "validation", "test")
TOLERANCE = 0.01


def assign(table: pd.DataFrame, shares: dict[str, float], seed: int) -> pd.Series:
    """Name the part of each row.

    table: columns category, group, conflict and sha256. shares: part → share, together 1. Whole
    groups go to one part, each category is parted alike, and groups with two labels only train.
    Raises StageError where a category has too few different pictures for every part.
    """
    parts = pd.Series("train", index=table.index)
    drawn = table.groupby("group")["sha256"].min().map(lambda sha: _drawn(seed, sha))
    category_of_group = table.groupby("group")["category"].agg(lambda c: c.mode()[0])
    if copied := set(table["category"]) - set(category_of_group):
        raise StageError(
            f"every picture of category {min(copied)} is a copy of another category's, so that "
            "none can be tested: remove the copies, or the category."
        )
    for category, groups in category_of_group.groupby(category_of_group):
        rows = table[table["group"].isin(groups.index)]
        sizes = rows[~rows["conflict"]].groupby("group").size()
        if len(sizes) < len(PARTS):
            raise StageError(
                f"category {category} has {len(sizes)} different pictures, too few for a share in "
                "train, validation and test: add pictures, or remove the category."
            )
        placed = _place(sizes.loc[drawn[sizes.index].sort_values().index], len(rows), shares)
        parts.loc[rows.index] = rows["group"].map(placed).fillna("train")
    return parts


def _drawn(seed: int, sha256: str) -> str:
    """A group's place in the draw. It depends on nothing but the group, so that a picture that
    comes or goes moves no other, and a new model is not tested on what an old one trained on."""
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()


def _place(sizes: pd.Series, n: int, shares: dict[str, float]) -> pd.Series:
    """The first groups test, the next validate, until each has its share of n; the rest train."""
    middles = sizes.cumsum() - sizes / 2
    tested, validated = shares["test"] * n, (shares["test"] + shares["validation"]) * n
    parts = np.select([middles < tested, middles < validated], ["test", "validation"], "train")
    # Few pictures: at least one each. The last first, so that it takes no other part's only one.
    for place, part in ((-1, "train"), (0, "test"), (1, "validation")):
        if part not in parts:
            parts[place] = part
    return pd.Series(parts, index=sizes.index)


def warn_of_shares(parts: pd.Series, shares: dict[str, float]) -> list[str]:
    """Say where a part came out more than a point away from the share that was asked for."""
    got = parts.value_counts(normalize=True)
    return [
        f"{part} holds {got.get(part, 0):.1%} of the pictures where {wanted:.1%} were asked for: "
        "whole groups of duplicates, or few pictures a category, cannot be parted more evenly."
        for part, wanted in shares.items()
        if abs(got.get(part, 0) - wanted) > TOLERANCE
    ]


def work(args: Namespace, out: Path) -> dict:
    """The stage: assign the parts, write one array a part and the table, in the same order."""
    stage.read_manifest(args.prepared)
    prepared = Path(args.prepared)
    shares = {"validation": args.validation_share, "test": args.test_share}
    shares = {"train": 1 - sum(shares.values()), **shares}
    if min(shares.values()) <= 0:
        raise StageError("--validation-share and --test-share must leave a share to each part.")
    table = read_table(prepared / TABLE)
    table["split"] = assign(table, shares, args.seed)
    images = np.load(prepared / IMAGES, mmap_mode="r")
    for part in PARTS:
        arrays.copy_rows(images, np.flatnonzero(table["split"] == part), out / f"{part}.npy")
    table.to_csv(out / TABLE, index=False)
    warnings = warn_of_shares(table["split"], shares)
    for warning in warnings:
        print(f"split: warning: {warning}")
    counts = table["split"].value_counts().to_dict()
    mlflow.log_metrics(counts)
    mlflow.log_table(
        table.groupby(["category", "split"]).size().unstack().reset_index(), "split.json"
    )
    print("split: " + ", ".join(f"{counts[part]:,} {part}" for part in PARTS))
    files = [TABLE, *(f"{part}.npy" for part in PARTS)]
    return {"files": files, "size": images.shape[1], "warnings": warnings, **counts}


if __name__ == "__main__":
    stage.run("split", work)
