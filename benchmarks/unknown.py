"""How well a network notices pictures of what it never learned.

python -m benchmarks.unknown --network efficientnet_lite0
python -m benchmarks.unknown --network efficientnet_lite0 --epochs 4 --size 160  # a fifteenth of it

Five times, three of the categories are left out of everything: training, validation, test. The
served `unknown_score` must then part the left-out photographs from test photographs of the
others; reported is the area under the ROC curve (0.5: by chance, 1: always right). The scores of
unknown_scores.py, from which the served one was chosen, are compared on validation photographs and
on other left-out ones. What is finished is found again.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks import results
from benchmarks.pipeline import run_main
from benchmarks.unknown_scores import SCORES, Reference, look
from steps.served_model.pictures import decode
from steps.shared import scorer
from steps.shared.table import read_table
from steps.shared.training import read_data

WORK = Path("work/benchmarks/unknown")
LEFT_OUT, ROUNDS = 3, 5
MOST = 400
"""Photographs asked about on each side of a round."""


def result_name(
    network: str, label_smoothing: str = "auto", epochs: str = "auto", size: str = "auto"
) -> str:
    """Under which results.write keeps the figures; a shorter training's are another's."""
    return f"unknown-{network}-smoothing-{label_smoothing}-epochs-{epochs}-size-{size}"


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
    gate = ["--min-accuracy", "0", "--min-class-recall", "0", "--robustness", "false"]
    name = ["--model-name", f"without-{number}"]
    return run_main(WORK, ["--source", str(source), *flags, *name, *gate])


def drawn(
    folders: dict[str, Path], strangers: list[Path], part: str
) -> tuple[list[Path], list[Path]]:
    """MOST photographs of a part, "test" or "validation", and as many of what was left out, which
    are others for each part."""
    files = read_table(folders["split"] / "files.csv")
    photos = folders["ingest"] / "photos"
    known = [photos / path for path in files.loc[files["split"] == part, "path"]]
    rng = np.random.default_rng(0)
    known, strange = (
        [paths[i] for i in rng.permutation(len(paths))] for paths in (known, strangers)
    )
    first = MOST * ["test", "validation"].index(part)
    return known[:MOST], strange[first : first + MOST]


def area(known: np.ndarray, unknown: np.ndarray) -> float:
    """Under the ROC curve of a score that should be higher for the unknown."""
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    return round(float(roc_auc_score(truth, np.concatenate([known, unknown]))), 4)


def served(model: Path, known: list[Path], unknown: list[Path]) -> float:
    """Area of the `unknown_score` that a client gets."""
    scores = [[row["unknown_score"] for row in scorer.score(model, p)] for p in (known, unknown)]
    return area(*map(np.array, scores))


def others(folders: dict[str, Path], known: list[Path], unknown: list[Path]) -> dict[str, float]:
    """Area of each score of unknown_scores.py, on the network in floats."""
    path = folders["train"] / "model" / "artifacts" / "network.keras"
    network = keras.models.load_model(path, compile=False)
    _, data = read_data(folders["split"])
    reference = Reference(*(look(network, data[p].images, data[p].labels) for p in data))
    size = data["train"].images.shape[1]
    seen = [
        look(network, np.stack([decode(path.read_bytes(), size) for path in paths]))
        for paths in (known, unknown)
    ]
    return {name: area(*(score(reference, s) for s in seen)) for name, score in SCORES.items()}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="efficientnet_lite0")
    parser.add_argument("--epochs", default="auto")
    parser.add_argument("--size", default="auto")
    parser.add_argument("--label-smoothing", default="auto")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="fewer, for a first look")
    parser.add_argument("--source", type=results.photographs, default=results.PHOTOS)
    args = parser.parse_args()
    flags = ["--network", args.network, "--epochs", args.epochs]
    flags += ["--size", args.size, "--label-smoothing", args.label_smoothing]
    found = []
    categories = sorted(path.name for path in args.source.iterdir() if path.is_dir())
    for number, left_out in enumerate(rounds(categories)[: args.rounds]):
        source = without(args.source, left_out, WORK / f"source-{number}")
        folders = train(source, number, flags)
        strangers = [p for name in left_out for p in sorted((args.source / name).iterdir())]
        areas = {"auroc": served(folders["train"] / "model", *drawn(folders, strangers, "test"))}
        areas |= others(folders, *drawn(folders, strangers, "validation"))
        found.append({"left_out": left_out, **areas})
        print(found[-1], flush=True)
    means = {name: round(float(np.mean([row[name] for row in found])), 4) for name in areas}
    how = {"epochs": args.epochs, "size": args.size}
    name = result_name(args.network, args.label_smoothing, args.epochs, args.size)
    whole = results.whole(parser, args, "rounds")
    results.write(name, {**means, **how, "rounds": found}, whole)


if __name__ == "__main__":
    main()
