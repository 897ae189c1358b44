"""Every option of every stage, in one table.

It makes the stages' command lines and `main`'s, and MLproject is written from it (mlproject.py), so
the three cannot differ.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from steps.shared.values import amount, auto, one_of, port, positive, share, whole, yes_no

STAGES = {
    "ingest": "Collect photographs into one folder a category, with a table of the files.",
    "dataprep": "Decode and resize every photograph into one array; find duplicates; report.",
    "split": "Part the photographs into train, validation and test, duplicates kept together.",
    "audit": "List labels that are probably wrong, with pictures, to be corrected.",
    "train": "Train a network and pack it as an MLflow model.",
    "tune": "Search better values for a network's recipe, by validation alone; resumable.",
    "evaluate": "Measure a model on the test photographs; judge it against gate and champion.",
    "register": "Register a model version; move the aliases challenger and champion.",
    "main": "From photographs to a registered model: all stages, finished ones found again.",
    "score": "Score any number of pictures into Parquet files; resumable.",
    "serve": "Serve a model and its history over HTTP until Ctrl-C.",
}


@dataclass(frozen=True)
class Option:
    """One flag: `--name` of the stages that are listed, `-P name=…` of their entry points."""

    name: str
    default: str
    parse: Callable[[str], object]
    stages: tuple[str, ...]
    help: str

    @property
    def flag(self) -> str:
        """The name as it is typed on a command line."""
        return "--" + self.name.replace("_", "-")


def _folder(name: str, stage: str, readers: tuple[str, ...], help: str) -> Option:
    return Option(name, f"work/{stage}", str, readers, help)


OPTIONS = (
    Option(
        "source",
        "sample",
        str,
        ("ingest", "main"),
        "a folder category/*.jpg, a .zip or .tar of one, kaggle:OWNER/DATASET[/FOLDER], or sample "
        "(rendered on the spot)",
    ),
    Option(
        "corrections",
        "none",
        str,
        ("ingest", "main"),
        "audit's sheet: photographs to drop or to relabel before anything else",
    ),
    Option("per_category", "80", positive, ("ingest", "main"), "pictures a category of the sample"),
    _folder("photos", "ingest", ("dataprep", "audit", "evaluate"), "ingest's folder"),
    Option("size", "auto", auto(positive), ("main",), "side in pixels; auto: the network's"),
    Option("size", "80", positive, ("dataprep",), "side in pixels of the prepared pictures"),
    Option(
        "max_bad_share",
        "0.05",
        share,
        ("dataprep", "main"),
        "share of unreadable files from which the run fails",
    ),
    Option("pictures", "pictures", str, ("score",), "a folder, a .txt list, or a table of paths"),
    Option("workers", "0", whole, ("score",), "processes that score; 0: one a core"),
    Option(
        "engine",
        "local",
        one_of("local", "spark"),
        ("dataprep", "main", "score"),
        "who reads the pictures: processes here, or the workers of Spark; see docs/scale.md",
    ),
    Option(
        "workers", "0", whole, ("dataprep", "audit", "main"), "processes that decode; 0: one a core"
    ),
    _folder("prepared", "dataprep", ("split",), "dataprep's folder"),
    _folder(
        "prepared",
        "dataprep",
        ("audit",),
        "dataprep's folder, to judge every photograph, or split's, to judge what trains",
    ),
    Option(
        "apply_above",
        "1",
        share,
        ("audit",),
        "confidence above which the sheet says relabel by itself; 1: never",
    ),
    Option("validation_share", "0.1", share, ("split", "main"), "share that chooses the epoch"),
    Option("test_share", "0.1", share, ("split", "main"), "share that only measures"),
    _folder("data", "split", ("train", "tune", "evaluate"), "split's folder"),
    Option("network", "cnn", str, ("train", "tune", "main"), "which network: see docs/networks.md"),
    Option(
        "epochs", "auto", auto(positive), ("train", "tune", "main"), "passes over the photographs"
    ),
    Option(
        "max_minutes",
        "auto",
        auto(amount),
        ("train", "main"),
        "train fewer epochs where this machine would take longer; 0: no limit; auto: the "
        "network's, and no limit with --epochs",
    ),
    Option(
        "drawings",
        "auto",
        auto(share),
        ("train", "main"),
        "passes over drawn balls before the first photograph, as a share of the epochs; for "
        "networks that start from nothing",
    ),
    Option("batch_size", "auto", auto(positive), ("train", "main"), "pictures a step"),
    Option("learning_rate", "auto", auto(amount), ("train", "main"), "highest learning rate"),
    Option("optimizer", "auto", auto(str), ("train", "main"), "sgd, adamw or muon"),
    Option("warmup_epochs", "auto", auto(amount), ("train", "main"), "epochs of rising rate"),
    Option("weight_decay", "auto", auto(amount), ("train", "main"), "pull of kernels towards 0"),
    Option("label_smoothing", "auto", auto(share), ("train", "main"), "share spread over all"),
    Option("mixup", "auto", auto(amount), ("train", "main"), "alpha of mixup; 0: none"),
    Option("cutmix", "auto", auto(share), ("train", "main"), "share of batches with cutmix"),
    Option("dropout", "auto", auto(share), ("train", "main"), "share of the features dropped"),
    Option(
        "augmentation_strength",
        "auto",
        auto(amount),
        ("train", "main"),
        "how far pictures are changed, as a multiple of what the recipe says",
    ),
    Option(
        "head", "auto", auto(str), ("train", "main"), "average or flatten, before the last layer"
    ),
    Option(
        "weight_average",
        "auto",
        auto(share),
        ("train", "main"),
        "momentum of the running average of the weights that is kept; 0: none",
    ),
    Option(
        "mirror",
        "auto",
        auto(yes_no),
        ("train", "main"),
        "serve the mean of a picture and its mirror image: better, at twice the time",
    ),
    Option(
        "quantized",
        "auto",
        auto(yes_no),
        ("train", "main"),
        "serve in 8-bit integers: about half the time, at a small loss",
    ),
    Option(
        "weights",
        "auto",
        auto(str),
        ("train", "tune", "main"),
        "file of ImageNet weights for a network of keras.applications; auto: it fetches them",
    ),
    Option(
        "teacher", "none", str, ("train", "tune"), "model to learn from instead of from the labels"
    ),
    _folder("teacher_data", "split", ("train", "tune"), "split's folder at the teacher's size"),
    Option(
        "precision",
        "auto",
        auto(str),
        ("train", "tune", "main"),
        "float32, mixed_bfloat16 or mixed_float16; auto: what this machine is quick at",
    ),
    Option("trials", "20", positive, ("tune",), "sets of values to try, earlier starts' included"),
    Option("timeout", "0", amount, ("tune",), "minutes after which no trial begins; 0: no limit"),
    Option("model", "work/train/model", str, ("evaluate", "register"), "a model folder or URI"),
    Option("min_accuracy", "0.5", share, ("evaluate", "main"), "gate: least accuracy on test"),
    Option(
        "robustness",
        "true",
        yes_no,
        ("evaluate", "main"),
        "also measure on photographs made worse: JPEG, blur, noise, rotation, crop",
    ),
    Option("min_class_recall", "0.2", share, ("evaluate", "main"), "gate: least recall a category"),
    _folder("verdict", "evaluate", ("register",), "evaluate's folder; none: not yet judged"),
    Option(
        "promote",
        "false",
        yes_no,
        ("register",),
        "make a registered version champion by hand, with --verdict none: the way back",
    ),
    Option(
        "model_name",
        "sports-ball-classification",
        str,
        ("evaluate", "register", "main", "serve", "score"),
        "name in the model registry",
    ),
    Option(
        "seed",
        "1",
        whole,
        ("ingest", "split", "audit", "train", "tune", "evaluate", "main"),
        "of everything random",
    ),
    Option("categories", "none", str, ("register",), "for a .keras: file, one category a line"),
    Option("input_size", "64", positive, ("register",), "for a .keras: side in pixels"),
    Option("pixel_scale", "1.0", float, ("register",), "for a .keras: times each 0–255 value"),
    Option("fresh", "false", yes_no, ("main",), "repeat stages that are finished"),
    Option("work", "work", str, ("main",), "where the stages' folders go"),
    Option(
        "model_path",
        "auto",
        auto(str),
        ("serve", "score"),
        "a model URI or folder; auto: the champion (serve: or MODEL_PATH from the environment)",
    ),
    Option(
        "host",
        "auto",
        auto(str),
        ("serve",),
        "address that the history service listens on; auto: HOST from the environment, or else "
        "127.0.0.1",
    ),
    Option(
        "port",
        "auto",
        auto(port),
        ("serve",),
        "port of the history service; auto: PORT from the environment, or else 8000",
    ),
    Option("scoring_port", "5001", port, ("serve",), "port of the scoring server, on loopback"),
    *(
        Option("out", f"work/{stage}", str, (stage,), "folder to write")
        for stage in STAGES
        if stage not in ("main", "serve")
    ),
)


def of(stage: str) -> list[Option]:
    """The options of a stage, in the table's order."""
    return [option for option in OPTIONS if stage in option.stages]


def parse(stage: str, argv: list[str] | None = None) -> argparse.Namespace:
    """Read a stage's command line; prints help or a usage error, and exits, as argparse does."""
    parser = argparse.ArgumentParser(
        prog=f"python -m steps.{stage}",
        description=STAGES[stage],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for option in of(stage):
        parser.add_argument(
            option.flag, default=option.default, type=option.parse, help=option.help
        )
    return parser.parse_args(argv)
