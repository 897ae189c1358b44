"""Finds and runs the validators: those of `make deploy-tools`, and what else is on the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (ROOT / ".venv" / "tools" / "bin", ROOT / "tests" / "deploy" / "node_modules" / ".bin")


def run_tool(name: str, *arguments: str | Path) -> str:
    """What a tool prints. Fails the test with it where the tool finds fault; skips without it."""
    path = shutil.which(name, path=os.pathsep.join([*map(str, TOOLS), os.environ["PATH"]]))
    if path is None:
        pytest.skip(f"no {name} here: make deploy-tools, or install it")
    done = subprocess.run(
        [path, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{name}:\n{done.stdout[-4000:]}"
    return done.stdout
