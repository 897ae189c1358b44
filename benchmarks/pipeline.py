"""Runs `main` for a benchmark, with a work folder and a tracking database of the benchmark's own,
so that no champion of yours is touched."""

import json
import os
import subprocess
import sys
from pathlib import Path


def tracking(work: Path) -> str:
    """The URI of the database that `run_main` tracks to."""
    return f"sqlite:///{(work / 'mlflow.db').resolve()}"


def run_main(work: Path, flags: list[str]) -> dict[str, Path]:
    """Run `main`, or go on with it; returns the folder of each stage.

    Raises CalledProcessError where it fails.
    """
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "steps.main", "--work", str(work), *flags]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking(work)}
    subprocess.run(command, check=True, env=environment)
    folders = json.loads((work / "latest.json").read_text())
    return {stage: Path(folder) for stage, folder in folders.items()}
