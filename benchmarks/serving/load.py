"""Sends pictures to a service with wrk, and keeps what every answer was."""

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("upload.lua")
TIMEOUT_S = 30


@dataclass(frozen=True)
class Outcome:
    """What a round of load came to."""

    figures: dict[str, float]
    """seconds, requests_per_second (answered with 200), p50_ms, p90_ms, p99_ms, max_ms, broken
    (requests without an answer)"""
    statuses: Counter
    ids: list[int]
    """The rows that answers of 200 name; empty where the service names none."""


def send(
    url: str, field: str, pictures: Sequence[Path], clients: int, seconds: float, scratch: Path
) -> Outcome:
    """Let so many clients upload pictures for so long, each the next as soon as it has an answer.

    field: the form's field that takes a picture. Raises RuntimeError where wrk does.
    """
    listed, answers = scratch / "pictures.txt", scratch / "answers"
    listed.write_text("".join(f"{path}\n" for path in pictures))
    # One thread: the generator is to leave the cores to what is measured.
    shape = ["-t1", f"-c{clients}", f"-d{seconds:.0f}s", f"--timeout={TIMEOUT_S}s"]
    done = subprocess.run(
        ["wrk", *shape, "-s", str(SCRIPT), url, "--", field, str(listed), str(answers)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"wrk: {done.stderr or done.stdout}")
    figures = json.loads(done.stdout.splitlines()[-1])
    lines = [line.split() for line in Path(f"{answers}.1").read_text().splitlines()]
    statuses = Counter(int(status) for status, _ in lines)
    ids = [int(number) for status, number in lines if status == "200" and number != "-"]
    figures["requests_per_second"] = round(statuses[200] / figures["seconds"], 1)
    return Outcome(figures, statuses, ids)
