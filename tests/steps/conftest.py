"""What several files of tests share."""

import pytest


@pytest.fixture
def source(tmp_path):
    """A folder of two categories; its files are no pictures, which neither module minds."""
    folder = tmp_path / "source"
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def register(run_stage, tmp_path):
    """Registers a model as `balls`; returns the stage's outcome."""

    def register(model, verdict="none", *more):
        flags = ["--model", model, "--verdict", verdict, "--model-name", "balls"]
        return run_stage("register", *flags, *more, "--out", tmp_path / "registered")

    return register
