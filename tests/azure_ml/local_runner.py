"""Runs a pipeline's YAML file on this machine as Azure ML would: step by step, as it is written.

Each step runs its component's command line in a process of its own, in a copy of the snapshot that
would travel to Azure, inside an MLflow run that was made for it. What it wrote is moved away when
it is done, so whoever reads it finds it elsewhere, as after an upload.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from azure.ai.ml import load_component
from mlflow import MlflowClient

from azure_ml.graph import Pipeline, Step, references

OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]")
ROOT = Path(__file__).parents[2]


class LocalRunner:
    """One execution of a pipeline. `outputs`: by step, the folder that its output became."""

    def __init__(self, pipeline: Pipeline, folder: Path, tracking: str, **inputs: object) -> None:
        """inputs: by name, what the pipeline is given instead of what its file says."""
        self.pipeline, self.folder, self.tracking = pipeline, folder, tracking
        self.inputs = {**pipeline.inputs, **inputs}
        self.outputs: dict[str, Path] = {}
        self.printed: dict[str, str] = {}
        self.snapshot = copy_snapshot(folder / "snapshot")
        self.client = MlflowClient(tracking)
        self.experiment = self.client.create_experiment(
            "pipeline", artifact_location=(folder / "artifacts").as_uri()
        )
        self.parent = self.client.create_run(self.experiment, run_name="pipeline").info.run_id
        self.runs: dict[str, str] = {}

    def run(self) -> None:
        """Run every step in order; fails where one does."""
        for name in self.pipeline.order():
            self.execute(self.pipeline.steps[name])
        self.client.set_terminated(self.parent)

    def execute(self, step: Step) -> None:
        """Run one step's command line."""
        out = self.folder / "running" / step.name / "out"
        out.mkdir(parents=True)
        tags = {"mlflow.parentRunId": self.parent}
        self.runs[step.name] = self.client.create_run(self.experiment, tags=tags).info.run_id
        done = subprocess.run(
            ["bash", "-c", self.command_line(step, out)],
            cwd=self.snapshot,
            env=self._environment(self.runs[step.name]),
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed[step.name] = done.stdout + done.stderr
        assert done.returncode == 0, f"{step.name}: {self.printed[step.name]}"
        self.outputs[step.name] = self.folder / "stored" / step.name
        self.outputs[step.name].parent.mkdir(exist_ok=True)
        shutil.move(out, self.outputs[step.name])

    def command_line(self, step: Step, out: Path) -> str:
        """The component's command with everything filled in; an optional part may fall away."""
        given = {f"inputs.{k}": about["default"] for k, about in self._defaults(step)}
        given |= {f"inputs.{k}": self.value(v) for k, v in step.inputs.items()}
        given |= {"outputs.out": out}
        optional = OPTIONAL.sub(
            lambda part: part[1] if all(r in given for r in references(part[1])) else "",
            step.component["command"],
        )
        return re.sub(r"\$\{\{([^}]*)\}\}", lambda name: str(given[name[1].strip()]), optional)

    def value(self, value: object) -> object:
        """What an input of a step comes to."""
        for reference in references(value):
            match reference.split("."):
                case ["parent", "inputs", name]:
                    value = self.inputs[name]
                case ["parent", "jobs", job, "outputs", "out"]:
                    value = self.outputs[job]
        return value

    def _defaults(self, step: Step) -> list[tuple[str, dict]]:
        return [(k, v) for k, v in step.component["inputs"].items() if "default" in v]

    def _environment(self, run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHONPATH"))}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MLFLOW_TRACKING_URI": self.tracking,
            "MLFLOW_EXPERIMENT_ID": self.experiment,
            "MLFLOW_RUN_ID": run_id,
        }


def copy_snapshot(folder: Path) -> Path:
    """Copy what azure-ai-ml would send of the repository with a job, and nothing else."""
    component = load_component(ROOT / "azure_ml" / "components" / "train.yaml")
    with component._try_build_local_code() as code:
        shutil.copytree(code.path, folder)
    return folder
