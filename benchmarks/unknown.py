"""How well a network notices pictures of what it never learned.

python -m benchmarks.unknown --network efficientnet_lite0
python -m benchmarks.unknown --network efficientnet_lite0 --epochs 6 --size 160  # a tenth of it

Five times, three of the categories are left out of everything: training, validation, test. The
served `unknown_score` must then part the left-out photographs from test photographs of the
others; reported is the area under the ROC curve (0.5: by chance, 1: always right).
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks import results
from benchmarks.pipeline import run_main
from steps.shared import scorer
from steps.shared.table import read_table

WORK = Path("work/benchmarks/unknown")
LEFT_OUT, ROUNDS = 3, 5
MOST = 400
"""Photographs asked about on each side of a round."""


def result_name(network: str, label_smoothing: str = "auto") -> str:
    """Under which results.write keeps the figures."""
    return f"unknown-{network}-smoothing-{label_smoothing}"


def rounds(categories: list[str], seed: int = 0) -> list[list[str]]:
    """Which categories are left out in each round; none twice while there are enough."""
    order = np.random.default_rng(seed).permutation(categories)
    return [list(np.roll(order, -LEFT_OUT * i)[:LEFT_OUT]) for i in range(ROUNDS)]


def without(source: Path, left_out: list[str], folder: Path) -> Path:
    """A folder with links to every category but those left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for category in source.iterdir():
        link = folder / category.name
        if category.is_dir() and category.name not in left_out and not link.exists():
            link.symlink_to(category.resolve(), target_is_directory=True)
    return folder


def train(source: Path, number: int, flags: list[str]) -> dict[str, Path]:
    """Run `main` on a round's categories; returns the folder of each stage."""
    names = ["--model-name", f"without-{number}", "--min-accuracy", "0"]
    return run_main(WORK, ["--source", str(source), *flags, *names])


def auroc(folders: dict[str, Path], strangers: list[Path]) -> float:
    """Area under the ROC curve of `unknown_score`, strangers against test photographs."""
    files = read_table(folders["split"] / "files.csv")
    tested = files.loc[files["split"] == "test", "path"]
    known = [folders["ingest"] / "photos" / path for path in tested]
    rng = np.random.default_rng(0)
    drawn = [[paths[i] for i in rng.permutation(len(paths))[:MOST]] for paths in (known, strangers)]
    scores = [
        [answer["unknown_score"] for answer in scorer.score(folders["train"] / "model", paths)]
        for paths in drawn
    ]
    return float(roc_auc_score(np.repeat([0, 1], [len(s) for s in scores]), np.concatenate(scores)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="efficientnet_lite0")
    parser.add_argument("--epochs", default="auto")
    parser.add_argument("--size", default="auto")
    parser.add_argument("--label-smoothing", default="auto")
    parser.add_argument("--source", type=Path, default=results.PHOTOS)
    args = parser.parse_args()
    flags = ["--network", args.network, "--epochs", args.epochs]
    flags += ["--size", args.size, "--label-smoothing", args.label_smoothing]
    found = []
    categories = sorted(path.name for path in args.source.iterdir() if path.is_dir())
    for number, left_out in enumerate(rounds(categories)):
        source = without(args.source, left_out, WORK / f"source-{number}")
        folders = train(source, number, flags)
        strangers = [p for name in left_out for p in sorted((args.source / name).iterdir())]
        area = auroc(folders, strangers)
        found.append({"left_out": left_out, "auroc": round(area, 4)})
        print(f"without {', '.join(left_out)}: {area:.3f}")
    figures = {"auroc": round(float(np.mean([row["auroc"] for row in found])), 4)}
    how = {"epochs": args.epochs, "size": args.size}
    name = result_name(args.network, args.label_smoothing)
    results.write(name, {**figures, **how, "rounds": found})


if __name__ == "__main__":
    main()
