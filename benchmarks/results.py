"""Writes a benchmark's result with the machine and the date it was measured on."""

import datetime
import json
import os
import platform
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
HERE = Path(__file__).parents[2] / "shared" / "data" / "balls"
PHOTOS = Path(os.environ.get("PHOTOS", HERE))
"""Where the photographs lie, as category/*.jpg: the environment's PHOTOS says it."""


def machine() -> dict[str, object]:
    """What the figures depend on besides the code."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": next(names, platform.processor()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def read(name: str) -> dict:
    """What an earlier run wrote; empty where there is none."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def write(name: str, figures: dict) -> None:
    """Write benchmarks/results/NAME.json and print it."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **figures}, indent=2)
    (FOLDER / f"{name}.json").write_text(text + "\n")
    print(text)
