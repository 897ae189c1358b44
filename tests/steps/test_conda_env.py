"""conda.yaml: current with the lock, and another environment to MLflow after another lock."""

from pathlib import Path

import yaml
from mlflow.utils.conda import _get_conda_env_name

from steps.shared import conda_env

ROOT = Path(__file__).parents[2]


def test_conda_yaml_is_written_from_the_lock():
    assert (ROOT / "conda.yaml").read_text() == conda_env.conda_env(), "run `make lock`"


def test_another_lock_is_another_environment_of_the_same_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(conda_env, "ROOT", tmp_path)
    monkeypatch.setattr(conda_env, "LOCK", tmp_path / "pipeline.txt")
    names, described = set(), []
    for pin in ("numpy==2.4.0", "numpy==2.4.1"):
        (tmp_path / "pipeline.txt").write_text(pin)
        (tmp_path / "conda.yaml").write_text(conda_env.conda_env())
        names.add(_get_conda_env_name(tmp_path / "conda.yaml"))
        described.append(yaml.safe_load(conda_env.conda_env()))

    assert len(names) == 2
    assert described[0] == described[1]
