"""Whether anything grows while the service works for long: memory, descriptors, time to answer.

python -m benchmarks.soak --model FOLDER                       # an hour at 220 requests a second
python -m benchmarks.soak --model FOLDER --minutes 5 --rate 100

16 clients upload photographs at a steady rate; SQLite, every commit on disk. Every answer of 200
is looked for in the history at the end. Writes a table and docs/pictures/soak.png.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import psutil

from benchmarks import results
from benchmarks.faults.clients import Answer, Clients
from benchmarks.faults.system import System
from benchmarks.serving.__main__ import photographs

CLIENTS, PICTURES, SAMPLES = 16, 200, 60
PICTURE = Path("docs/pictures/soak.png")


def sample(system: System) -> dict[str, dict[str, float]]:
    """Private memory in MB, descriptors and threads of the processes that do the work, by name."""
    workers = {"history service": system.gunicorn()[-1], "scoring server": system.scoring()[-1]}
    found = {}
    for name, process in workers.items():
        memory = process.memory_info()
        found[name] = {
            "memory_mb": round((memory.rss - memory.shared) / 1e6, 1),
            "descriptors": process.num_fds(),
            "threads": process.num_threads(),
        }
    return found


def watch(system: System, clients: Clients, seconds: float) -> list[dict]:
    """A row for each of SAMPLES parts of the time: answers, times to answer, and the processes."""
    rows, counted = [], 0
    psutil.cpu_percent()
    for _ in range(SAMPLES):
        time.sleep(seconds / SAMPLES)
        part, counted = clients.answers[counted:], len(clients.answers)
        taken = [(a.ended - a.begun) * 1000 for a in part if a.status == 200]
        rows.append(
            {
                "requests_per_second": round(len(part) / (seconds / SAMPLES), 1),
                "refused": sum(a.status != 200 for a in part),
                "p50_ms": round(float(np.percentile(taken, 50)), 1),
                "p99_ms": round(float(np.percentile(taken, 99)), 1),
                "processor_percent": psutil.cpu_percent(),
                **sample(system),
            }
        )
        print(rows[-1], flush=True)
    return rows


def draw(rows: list[dict], minutes: float, path: Path) -> None:
    """Memory, descriptors and times to answer over the minutes."""
    x = np.linspace(minutes / len(rows), minutes, len(rows))
    figure, axes = plt.subplots(3, 1, figsize=(8, 7), sharex=True)
    for axis, (key, label) in zip(
        axes, (("memory_mb", "private memory, MB"), ("descriptors", "descriptors")), strict=False
    ):
        for name in ("history service", "scoring server"):
            axis.plot(x, [row[name][key] for row in rows], label=name)
        axis.set_ylabel(label)
        axis.legend(fontsize=8)
    for key in ("p50_ms", "p99_ms"):
        axes[2].plot(x, [row[key] for row in rows], label=key.removesuffix("_ms"))
    axes[2].set_ylabel("milliseconds")
    axes[2].set_xlabel("minutes")
    axes[2].legend(fontsize=8)
    for axis in axes:
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def lost(answers: list[Answer], system: System) -> int:
    """Answers of 200 that the history does not hold exactly once under their number."""
    rows = system.rows()
    times = Counter(key for _, key in rows)
    number = {key: row for row, key in rows}
    return sum(number.get(a.key) != a.id or times[a.key] != 1 for a in answers if a.status == 200)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="a packed model's folder")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=220.0, help="requests a second")
    parser.add_argument("--source", type=Path, default=results.PHOTOS)
    args = parser.parse_args()
    pictures = photographs(args.source, PICTURES)
    with tempfile.TemporaryDirectory() as scratch:
        system = System(args.model, f"sqlite:///{scratch}/history.db")
        system.service.start()
        try:
            system.service.wait()
            every_s = CLIENTS / args.rate
            with Clients(f"{system.url}/predict", pictures, CLIENTS, every_s) as clients:
                rows = watch(system, clients, args.minutes * 60)
            found = {
                "minutes": args.minutes,
                "rate": args.rate,
                "answers": dict(Counter(str(a.status) for a in clients.answers)),
                "lost": lost(clients.answers, system),
                "rows": rows,
            }
        finally:
            system.service.stop()
    whole = results.whole(parser, args, "minutes", "rate")
    results.write("soak", found, whole)
    if whole:
        draw(rows, args.minutes, PICTURE)


if __name__ == "__main__":
    main()
