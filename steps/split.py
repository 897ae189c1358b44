"""Parts the photographs into train, validation and test, duplicates kept together."""

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

    table: columns category, group and conflict. shares: part → share, together 1. Whole groups
    go to one part, each category is parted alike, and groups with two labels only train.
    Raises StageError where a category has too few different pictures for every part.
    """
    rng = np.random.default_rng(seed)
    parts = pd.Series("train", index=table.index)
    category_of_group = table.groupby("group")["category"].agg(lambda c: c.mode()[0])
    for category, groups in category_of_group.groupby(category_of_group):
        rows = table[table["group"].isin(groups.index)]
        sure = rows[~rows["conflict"]].groupby("group").size()
        order = rng.permutation(sure.index.to_numpy())
        placed = _fill(sure.loc[order], len(rows), shares, taken=len(rows) - int(sure.sum()))
        missing = [part for part in PARTS if shares[part] and part not in placed.values()]
        if missing:
            raise StageError(
                f"category {category} has {len(sure)} different pictures, too few for a share in "
                f"{' and '.join(missing)}: add pictures, or remove the category."
            )
        parts.loc[rows.index] = rows["group"].map(placed).fillna("train")
    return parts


def _fill(sizes: pd.Series, n: int, shares: dict[str, float], taken: int) -> dict[int, str]:
    """Give each group in turn to the part that lacks most of its share."""
    wanted = {part: shares[part] * n for part in PARTS if shares[part]}
    have = dict.fromkeys(wanted, 0)
    have["train"] += taken
    placed = {}
    for group, size in sizes.items():
        part = max(wanted, key=lambda p: (wanted[p] - have[p]) / wanted[p])
        placed[group], have[part] = part, have[part] + size
    return placed


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
