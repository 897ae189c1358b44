"""What the tests of the pipeline share: a tracking store each, and one small trained model for all.

The photographs are drawn, the stages are the real ones, and nothing is written to the checkout.
"""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

# TensorFlow reads these once. One thread: results repeat to the last bits, and cores stay free.
os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
os.environ["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"] = "1"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
# Scoring processes import the project wherever a test stands.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])

import numpy as np
import pytest

import steps  # noqa: F401 - before TensorFlow, as in every command

CATEGORIES = ("basketball", "football", "tennis_ball")
PER_CATEGORY = 24
RESUMABLE = ("train", "tune", "score")
TRAINING = [
    *("--epochs", "3", "--batch-size", "16"),
    *("--precision", "float32", "--quantized", "false"),
]
"""Of the house, which also serves in floats, so that answers can be compared to the last digit."""


def draw_photographs(folder: Path, per_category: int = PER_CATEGORY, categories=CATEGORIES) -> Path:
    """Write category/*.jpg below a folder: a few rendered balls of each kind."""
    from steps.sample import render

    for category in categories:
        (folder / category).mkdir(parents=True, exist_ok=True)
        for number in range(per_category):
            rng = np.random.default_rng([number, len(category)])
            picture = render(category, rng, 96)
            picture.save(folder / category / f"{number:03d}.jpg", quality=90)
    return folder


def use_tracking(patch: pytest.MonkeyPatch, folder: Path, template: Path) -> str:
    """Track to a database of one's own below `folder`; returns its URI."""
    import mlflow

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    patch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.create_experiment("tests", artifact_location=(folder / "runs").as_uri())
    patch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    mlflow.set_experiment(experiment_id=experiment)
    return uri


@pytest.fixture(scope="session")
def tracking_template(tmp_path_factory) -> Path:
    """An empty tracking database: to migrate a new one takes seconds, to copy one takes none."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)
        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def tracking(tmp_path, monkeypatch, tracking_template) -> str:
    """The URI of an empty tracking store and registry, which stages use during this test."""
    monkeypatch.chdir(tmp_path)
    return use_tracking(monkeypatch, tmp_path / "tracking", tracking_template)


@pytest.fixture
def run_stage(tracking) -> Callable[..., Namespace]:
    """Runs a stage in this process, as its command line would: (name, *flags) → its outcome."""
    return run_in_process


def run_in_process(name: str, *flags: object) -> SimpleNamespace:
    """Run a stage; returns `code` (0, 1, 130) and `run`, as the tracking store knows it."""
    import importlib

    import mlflow

    from steps.shared import stage

    module = importlib.import_module(f"steps.{name}")
    code = 0
    try:
        stage.run(name, module.work, [str(flag) for flag in flags], keep_partial=name in RESUMABLE)
    except SystemExit as end:
        code = end.code
    finally:
        mlflow.end_run()
    runs = mlflow.search_runs(
        search_all_experiments=True, order_by=["start_time DESC"], output_format="list"
    )
    newest = next((run for run in runs if run.data.tags.get("stage") == name), None)
    return SimpleNamespace(code=code, run=newest)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    """A folder category/*.jpg of rendered balls; not to be changed."""
    return draw_photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="session")
def run_all(tracking_template) -> Callable[[Path, dict], SimpleNamespace]:
    """Runs stages in order with a tracking store of their own: (folder, {stage: flags}) → runs."""

    def run_all(root: Path, commands: dict[str, list]) -> SimpleNamespace:
        runs = {}
        with pytest.MonkeyPatch.context() as patch:
            uri = use_tracking(patch, root / "tracking", tracking_template)
            for name, flags in commands.items():
                outcome = run_in_process(name, *flags, "--out", root / name)
                assert outcome.code == 0, f"{name} failed: {outcome.run.data.tags}"
                runs[name] = outcome.run
        return SimpleNamespace(**{name: root / name for name in runs}, runs=runs, tracking=uri)

    return run_all


@pytest.fixture(scope="session")
def house(tmp_path_factory, photographs, run_all) -> SimpleNamespace:
    """One pass of ingest, dataprep, split and train: folders by stage; not to be changed."""
    root = tmp_path_factory.mktemp("house")
    commands = {
        "ingest": ["--source", photographs],
        "dataprep": ["--photos", root / "ingest", "--workers", 1],
        "split": ["--prepared", root / "dataprep"],
        "train": ["--data", root / "split", *TRAINING],
    }
    return SimpleNamespace(**vars(run_all(root, commands)), model=root / "train" / "model")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take minutes come first, so that in the end no core waits for the other's."""
    items.sort(key=lambda item: "system" not in item.path.parts)


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Matplotlib keeps every figure until it is told not to."""
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
