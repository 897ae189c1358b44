"""What is lost, and how long it takes to recover, when things break under load.

python -m benchmarks.faults --model FOLDER                    # a packed model, see train
python -m benchmarks.faults --model FOLDER --only disk-full --seconds 10

32 clients upload photographs. A fault begins, lasts, and ends; every answer is then held against
the history: a 200 must be there exactly once, under the key of its request, and say what the model
says of that photograph when nothing is broken. Needs root for `disk-full`, PostgreSQL for
`database-crashed`, and a C compiler for `clock-set-back`.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import results
from benchmarks.faults import clock
from benchmarks.faults.clients import Answer, Clients
from benchmarks.faults.faults import FAULTS
from benchmarks.faults.system import Postgres, System, small_disk
from benchmarks.serving.__main__ import photographs

CLIENTS, PICTURES = 32, 50
QUIET_S, AFTER_S = 5.0, 20.0
"""How long nothing is broken before a fault, and how long we look on after it."""
DISK_MB = 24
POSTGRES = {"database-crashed"}


@contextmanager
def running(name: str, model: Path) -> Iterator[tuple[System, Postgres | None]]:
    """The service as a fault wants it, ready for requests."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        postgres = None
        if name in POSTGRES:
            postgres = Postgres(folder)
            stack.callback(postgres.stop)
        disk = stack.enter_context(small_disk(DISK_MB)) if name == "disk-full" else folder
        database = postgres.url if postgres else f"sqlite:///{disk}/history.db"
        settings = clock.build(folder) if name == "clock-set-back" else {}
        system = System(model, database, **settings)
        system.service.start()
        stack.callback(system.service.stop)
        system.service.wait()
        yield system, postgres


def expected(system: System, pictures: list[Path]) -> dict[Path, str]:
    """The label of each picture while nothing is broken."""
    with Clients(f"{system.url}/predict", pictures, 2) as clients:
        while len(clients.answers) < len(pictures):
            time.sleep(0.1)
    return {a.picture: a.label for a in clients.answers if a.label is not None}


def judge(
    answers: list[Answer], labels: dict[Path, str], rows: list[tuple[int, str]], mended: float
) -> dict[str, object]:
    """The figures of a fault. rows: number and key of all that is stored; mended: when it ended."""
    stored = Counter(key for _, key in rows)
    number = {key: row for row, key in rows}
    good = [a for a in answers if a.status == 200]
    first = min((a.ended for a in good if a.begun >= mended), default=None)
    return {
        "requests": len(answers),
        "answered": len(good),
        "refused": {str(k): n for k, n in Counter(a.status for a in answers).items() if k != 200},
        "lost": sum(number.get(a.key) != a.id for a in good),
        "twice": sum(stored[a.key] > 1 for a in good),
        "wrong": sum(a.label != labels[a.picture] for a in good),
        "recovery_s": None if first is None else round(first - mended, 2),
    }


def measure(name: str, model: Path, source: Path, seconds: float) -> dict[str, object]:
    """Let one fault happen."""
    pictures = photographs(source, PICTURES)
    with running(name, model) as (system, postgres):
        labels = expected(system, pictures)
        with Clients(f"{system.url}/predict", pictures, CLIENTS) as clients:
            time.sleep(QUIET_S)
            FAULTS[name](system, postgres, seconds)
            mended = time.monotonic()
            time.sleep(AFTER_S)
        return judge(clients.answers, labels, system.rows(), mended)


def table(faults: dict[str, dict]) -> str:
    """The figures as Markdown, a row a fault."""
    columns = ["seconds", "requests", "answered", "refused", "lost", "twice", "wrong", "recovery_s"]
    rows = [["fault", *columns], ["---"] * (len(columns) + 1)]
    for name, found in faults.items():
        refused = ", ".join(f"{n:,} x {status}" for status, n in found["refused"].items())
        cells = [str(found[c]) if c != "refused" else refused or "0" for c in columns]
        rows.append([name, *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="a packed model's folder")
    parser.add_argument("--only", action="append", choices=FAULTS, help="may be repeated")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long a fault lasts")
    parser.add_argument("--source", type=Path, default=results.PHOTOS)
    args = parser.parse_args()
    whole, done = results.whole(parser, args, "only", "seconds"), {}
    for name in args.only or list(FAULTS):
        done[name] = {
            "seconds": args.seconds,
            **measure(name, args.model, args.source, args.seconds),
        }
        print(name, done[name], flush=True)
        results.write("faults", {"faults": done}, whole and len(done) == len(FAULTS))
    if whole:
        (results.FOLDER / "faults.md").write_text(table(done))


if __name__ == "__main__":
    main()
