"""Lists labels that are probably wrong, with pictures, for a person to drop or to correct.

Reads dataprep's folder and judges every photograph, or split's and judges what trains: whoever
wants to know what corrections gain keeps the test photographs as they are.
"""

from argparse import Namespace
from functools import partial
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from steps.shared import arrays, corrections, label_quality, stage
from steps.shared.corrections import KEEP, RELABEL
from steps.shared.sheet import label_sheet
from steps.shared.stage import StageError
from steps.shared.table import read_table, require_photos

SHEET, PAGE, TABLE = "audit.csv", "audit.html", "files.csv"
ERROR, CONFLICT = "looks like another category", "a copy has another label"
IMAGES = {"dataprep": "images.npy", "split": "train.npy"}


def read_prepared(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The photographs to judge: the table, and images (n, size, size, 3) uint8 row by row."""
    kind = stage.read_manifest(folder)["stage"]
    if kind not in IMAGES:
        raise StageError(
            f"--prepared {folder} is the folder of {kind}: name dataprep's, to judge every "
            "photograph, or split's, to judge what trains."
        )
    table = read_table(folder / TABLE)
    if kind == "split":
        table = table[table["split"] == "train"].reset_index(drop=True)
    return table, np.load(folder / IMAGES[kind], mmap_mode="r")


def find_doubts(table: pd.DataFrame, probabilities: np.ndarray, above: float) -> pd.DataFrame:
    """The likely label errors, surest first, then the pictures whose copies disagree.

    table: dataprep's; probabilities: (n, categories) float, categories sorted by name; above: the
    confidence from which the action is filled in. Keeps the table's index.
    """
    categories = np.array(sorted(table["category"].unique()))
    labels = np.searchsorted(categories, table["category"].to_numpy())
    error = label_quality.likely_errors(labels, probabilities)
    suggested = categories[probabilities.argmax(axis=1)]
    confidence = probabilities.max(axis=1)
    sure = (confidence > above) & (suggested != table["category"])
    doubts = table.assign(
        suggested=suggested,
        confidence=confidence.round(4),
        of_label=probabilities[np.arange(len(labels)), labels],
        reason=np.where(table["conflict"], CONFLICT, ERROR),
        action=np.where(sure, RELABEL, KEEP),
        place=np.where(table["conflict"], table["group"], -1),
    )[error | table["conflict"]]
    return doubts.sort_values(["conflict", "place", "of_label"])


def work(args: Namespace, out: Path) -> dict:
    """The stage: features, out-of-fold probabilities, the sheet as a table and as a page."""
    photos = Path(args.photos)
    table, images = read_prepared(Path(args.prepared))
    require_photos(photos, table, "--prepared")
    label_quality.require_enough(table["category"].to_numpy(), table["group"].to_numpy())
    labels = np.unique(table["category"], return_inverse=True)[1]
    again = (photos / "photos", list(table["path"]), out / "pictures.npy")
    decoder = partial(arrays.decode_files, workers=args.workers)
    with arrays.at_size(images, *again, label_quality.SIZE, decoder) as pictures:
        features = label_quality.frozen_features(pictures)
        groups = table["group"].to_numpy()
        probabilities = label_quality.out_of_fold(features, labels, groups, args.seed)
        doubts = find_doubts(table, probabilities, args.apply_above)
        (out / PAGE).write_text(label_sheet(doubts, pictures, len(table)))
    doubts[corrections.COLUMNS].to_csv(out / SHEET, index=False)
    for name in (SHEET, PAGE):
        mlflow.log_artifact(str(out / name))
    figures = _figures(doubts, table, probabilities.argmax(axis=1) == labels)
    mlflow.log_metrics(figures)
    report(figures, Path(args.out) / SHEET)
    return {"files": [SHEET], **figures}


def _figures(doubts: pd.DataFrame, table: pd.DataFrame, agrees: np.ndarray) -> dict[str, float]:
    return {
        "judged": len(table),
        "label_errors": int((~doubts["conflict"]).sum()),
        "conflicts": int(doubts["conflict"].sum()),
        "filled_in": int((doubts["action"] == RELABEL).sum()),
        "out_of_fold_accuracy": float(agrees.mean()),
    }


def report(figures: dict[str, float], sheet: Path) -> None:
    """Say what was found, and what to do with it."""
    print(
        f"audit: {figures['label_errors']:,} likely label errors among {figures['judged']:,} "
        f"pictures, {figures['conflicts']:,} pictures whose copies have another label; "
        f"{figures['filled_in']:,} filled in as relabel\n"
        f"audit: decide in the column `action` of {sheet}, then: "
        f"mlflow run . --env-manager=local -P corrections={sheet} -P source=…"
    )


if __name__ == "__main__":
    stage.run("audit", work)
