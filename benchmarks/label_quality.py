"""What correcting labels gains: a regression on frozen features, trained with labels as they are
and corrected, measured on the same test photographs with the labels that they came with.

python -m benchmarks.label_quality [--data SPLIT-FOLDER] [--corrections audit.csv]

--data: split's folder at 224 pixels. Only labels that train are judged and corrected, so nothing
about the test changes. A few minutes on two cores.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks import results
from steps.shared import corrections, heads, label_quality, metrics
from steps.shared.table import read_table

PARTS = ("train", "validation", "test")
SURE = 0.95
"""The confidence above which `sure_relabelled` believes the suggestion (`--apply-above`)."""
DROPPED = -1


def read(folder: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The table and the frozen features by part, row by row as in the table's part."""
    features = {
        part: label_quality.frozen_features(np.load(folder / f"{part}.npy", mmap_mode="r"))
        for part in PARTS
    }
    return read_table(folder / "files.csv"), features


def ways(labels: np.ndarray, probabilities: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Training labels by way of correcting them; DROPPED where a picture is left out.

    labels: (n,) int; probabilities: (n, k) float, out of fold.
    """
    errors = label_quality.likely_errors(labels, probabilities)
    suggested = probabilities.argmax(axis=1)
    sure = errors & (probabilities.max(axis=1) > SURE)
    chance = np.random.default_rng(seed).permutation(errors)
    return {
        "as_they_are": labels,
        "errors_dropped": np.where(errors, DROPPED, labels),
        "errors_relabelled": np.where(errors, suggested, labels),
        "sure_relabelled": np.where(sure, suggested, labels),
        "as_many_dropped_by_chance": np.where(chance, DROPPED, labels),
    }


def by_sheet(train: pd.DataFrame, path: str, categories: list[str]) -> np.ndarray:
    """Training labels as a sheet says; its rows about other photographs are left out."""
    sheet = corrections.read(path)
    rows = sheet.rows[sheet.rows["path"].isin(train["path"])]
    decided = corrections.Corrections(path, rows).apply(train).set_index("path")["category"]
    numbers = {name: number for number, name in enumerate(categories)}
    return train["path"].map(decided.map(numbers)).fillna(DROPPED).to_numpy(int)


def answers(features: dict[str, np.ndarray], labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a regression trained on these labels says of validation and of test."""
    kept = labels != DROPPED
    fitted = heads.probe().fit(features["train"][kept], labels[kept])
    return fitted.predict(features["validation"]), fitted.predict(features["test"])


def measure(
    table: pd.DataFrame, features: dict[str, np.ndarray], sheet: str | None, seed: int
) -> dict:
    """Every way's figures."""
    categories, numbers = np.unique(table["category"], return_inverse=True)
    parts = {part: (table["split"] == part).to_numpy() for part in PARTS}
    labels, groups = numbers[parts["train"]], table["group"].to_numpy()
    tested = groups[parts["test"]]
    folds = label_quality.out_of_fold(features["train"], labels, groups[parts["train"]], seed)
    tried = ways(labels, folds, seed)
    if sheet:
        tried["by_sheet"] = by_sheet(table[parts["train"]], sheet, list(categories))
    rights: dict[str, np.ndarray] = {}
    rows = {}
    for name, corrected in tqdm(tried.items(), desc="corrected", unit="way"):
        validation, test = answers(features, corrected)
        rights[name] = test == numbers[parts["test"]]
        rows[name] = {
            "dropped": int((corrected == DROPPED).sum()),
            "relabelled": int(((corrected != DROPPED) & (corrected != labels)).sum()),
            "validation_accuracy": float((validation == numbers[parts["validation"]]).mean()),
            "test_accuracy": float(rights[name].mean()),
            "interval": metrics.accuracy_interval(rights[name], tested),
            **metrics.paired_test(rights[name], rights["as_they_are"], tested),
        }
    return {
        "pictures": {part: int(chosen.sum()) for part, chosen in parts.items()},
        "out_of_fold_accuracy": float((folds.argmax(axis=1) == labels).mean()),
        "ways": rows,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default="work/split", help="split's folder")
    parser.add_argument("--corrections", help="a decided sheet, to be measured too")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    table, features = read(args.data)
    figures = measure(table, features, args.corrections, args.seed)
    results.write("label_quality", figures, results.whole(parser, args, "corrections", "seed"))


if __name__ == "__main__":
    main()
