"""What the tests of images share: both images built once, a model, a database, one way to load."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

import engine
import numpy as np
import pytest

from steps.sample import render

# The real PostgreSQL of the history service's tests: under a name of its own, since both folders
# have a conftest.
_path = engine.ROOT / "tests" / "history_service" / "real_parts.py"
_spec = importlib.util.spec_from_file_location("deploy_real_parts", _path)
real_parts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(real_parts)
sys.modules["deploy_real_parts"] = real_parts


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> None:
    """Both images, built by `make images`."""
    if lacking := engine.missing():
        pytest.skip(f"no {', '.join(lacking)} here: apt-get install {' '.join(lacking)}")
    engine.make_bases(tmp_path_factory.mktemp("bases"))
    engine.build_images()
    try:
        engine.call(*engine.RUN, "--rm", "--entrypoint", "python", engine.image("history"), "-V")
    except RuntimeError as error:
        pytest.skip(f"podman runs no container on this machine: {error}")


@pytest.fixture(scope="session")
def postgres():
    """The URL of an empty PostgreSQL on the loopback."""
    programs = real_parts.postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="deploy-postgres-"))
    try:
        with real_parts.postgres_cluster(programs, folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def free_port():
    return real_parts.free_port


@pytest.fixture(scope="session")
def model_folder(request) -> Path:
    """That of TEST_MODEL where it names one, else the small model of the pipeline's tests."""
    given = os.environ.get("TEST_MODEL")
    return Path(given) if given else request.getfixturevalue("house").model


@pytest.fixture(scope="session")
def photograph(tmp_path_factory) -> Path:
    """A rendered ball."""
    path = tmp_path_factory.mktemp("photograph") / "ball.jpg"
    render("basketball", np.random.default_rng(1), 256).save(path, quality=90)
    return path
