"""A wall clock that can be set back for some processes alone; see clock.c."""

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def build(folder: Path) -> dict[str, str]:
    """Compile it; returns the environment of processes that are to believe it.

    The clock is an hour back while the file that CLOCK_BACK names exists. Needs a C compiler.
    """
    library = folder / "clock.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_BACK": str(folder / "clock-is-back")}
