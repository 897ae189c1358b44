"""Trains each network with its defaults on the photographs, and writes what it reaches.

python -m benchmarks.accuracy                       # every network that has no figures yet
python -m benchmarks.accuracy --network cnn --again # one network anew

One network at a time, and resumable: each is a run of `main`, which goes on where it stopped. The
minutes of a training that was stopped and resumed are those since its last start.
The tracking database is the benchmark's own, so that no champion of yours is touched.
"""

import argparse
import json
from pathlib import Path

from mlflow import MlflowClient

from benchmarks import latency, results, unknown
from benchmarks.pipeline import run_main, tracking
from steps.shared import registry
from steps.shared.recipes import RECIPES

WORK = Path("work/benchmarks/accuracy")
NAME = "accuracy"
COLUMNS = {
    "accuracy": "right on test",
    "macro_f1": "macro-F1",
    "calibration_error": "calibration error",
    "rejected": "drawn non-balls rejected",
    "kept": "test photographs kept",
    "auroc": "left-out categories told apart (AUROC)",
    "train_minutes": "minutes of training",
    "ms_a_picture_batch_1": "ms a picture, one core",
    "ms_a_picture_batch_16": "ms a picture in 16",
    "megabytes": "MB",
}

SHARES = ("macro_f1", "calibration_error", "rejected", "kept")


def train(network: str, source: Path, fresh: bool) -> dict[str, Path]:
    """Run `main` for a network; returns the folder of each stage. Raises CalledProcessError."""
    flags = ["--source", str(source), "--network", network, "--fresh", str(fresh).lower()]
    return run_main(WORK, [*flags, "--model-name", f"benchmark-{network}"])


def measure(folders: dict[str, Path]) -> dict[str, object]:
    """The figures of a network from the folders of its stages."""
    judged = json.loads((folders["evaluate"] / "stage.json").read_text())
    trained = json.loads((folders["train"] / "stage.json").read_text())
    run = MlflowClient(tracking(WORK)).get_run(trained["run_id"]).info
    model = folders["train"] / "model"
    figures = ["accuracy", "accuracy_low", "accuracy_high", *SHARES]
    return {
        **{name: round(judged[name], 5) for name in figures},
        "validation_accuracy": round(trained["validation_accuracy"], 5),
        "train_minutes": round((run.end_time - run.start_time) / 60_000, 1),
        "size": registry.fetch(str(model)).facts["size"],
        "megabytes": round((model / "artifacts" / "network.onnx").stat().st_size / 1e6, 1),
        **latency.on_one_core(model),
        "machine": results.machine(),
    }


def auroc(network: str) -> object:
    """What `python -m benchmarks.unknown` found of the network; a dash where it was not asked."""
    return results.read(unknown.result_name(network)).get("auroc", "–")


def table(networks: dict[str, dict]) -> str:
    """The figures as Markdown, a row a network."""
    rows = [["network", "pixels", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 2)]
    for name, figures in networks.items():
        figures = {"auroc": auroc(name), **figures}
        cells = {column: str(figures[column]) for column in COLUMNS}
        low, high = figures["accuracy_low"], figures["accuracy_high"]
        cells["accuracy"] = f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"
        cells |= {c: f"{figures[c]:.1%}" for c in SHARES}
        rows.append([f"`{name}`", str(figures["size"]), *cells.values()])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", action="append", help="may be repeated; default: all")
    parser.add_argument("--source", type=results.photographs, default=results.PHOTOS)
    again = "also what has figures already: every stage is repeated, a teacher's training too"
    parser.add_argument("--again", action="store_true", help=again)
    args = parser.parse_args()
    done = results.read(NAME).get("networks", {})
    for network in args.network or list(RECIPES):
        if network in done and not args.again:
            print(f"{network} has its figures already; --again measures it anew")
            continue
        done[network] = measure(train(network, args.source, args.again))
        results.write(NAME, {"networks": done})
        (results.FOLDER / f"{NAME}.md").write_text(table(done))


if __name__ == "__main__":
    main()
