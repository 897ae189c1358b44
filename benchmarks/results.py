"""Writes a benchmark's result with the machine and the date it was measured on."""

import datetime
import json
import os
import platform
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
HERE = Path(__file__).parents[2] / "shared" / "data" / "balls"
PHOTOS = os.environ.get("PHOTOS", str(HERE))
"""Where the photographs lie, as category/*.jpg: the environment's PHOTOS says it."""


def photographs(folder: str) -> Path:
    """A folder of photographs; argparse says in one line that it holds none."""
    path = Path(folder)
    if not any(path.glob("*/*.jpg")):
        raise ArgumentTypeError(
            f"no photographs under {path}: expected <category>/*.jpg; the environment's PHOTOS "
            "names a folder too"
        )
    return path


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


def whole(parser: ArgumentParser, args: Namespace, *options: str) -> bool:
    """Whether these options are as by default: what is published was measured with those."""
    return all(getattr(args, option) == parser.get_default(option) for option in options)


def write(name: str, figures: dict, whole: bool = True) -> None:
    """Write benchmarks/results/NAME.json and print it.

    whole: False writes NAME-partial.json, which git ignores: a first look, or what has been
    measured so far, never takes the place of what is published.
    """
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **figures}, indent=2)
    (FOLDER / f"{name}{'' if whole else '-partial'}.json").write_text(text + "\n")
    print(text)
