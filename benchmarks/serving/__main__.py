"""Requests a second and times to answer of the whole service, beside others with the same network.

python -m benchmarks.serving --model work/train/…/model              # work/latest.json names it
python -m benchmarks.serving --model … --only ours --clients 32      # one of them, one load
python -m benchmarks.serving --model … --seconds 20 --rounds 1 --postgres postgresql://… \\
    --name serving_postgres                                          # the histories in PostgreSQL

All services in turns, since a machine's speed drifts; of the rounds the medians. What is asked for
otherwise than by default goes to serving-partial.json, unless --name says where.

Needs wrk, and `make .venv/bench` for the others. Every upload is a real photograph in a real form;
every answer of 200 is looked for in the history.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from benchmarks import expendable, results
from benchmarks.serving.contestants import CONTESTANTS, Contestant
from benchmarks.serving.load import send
from steps.shared.values import positive

CLIENTS = (1, 8, 32, 128)
WARM_UP_S = 5
PICTURES = 200
FIELD = "img"


def photographs(source: Path, count: int = PICTURES) -> list[Path]:
    """Some of all photographs below a folder, the same every time."""
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not found:
        raise SystemExit(f"There are no photographs below {source}: --source names another folder.")
    chosen = np.random.default_rng(0).permutation(len(found))[:count]
    return [found[i].resolve() for i in chosen]


def processes(contestant: Contestant) -> list[psutil.Process]:
    """The service's own process and all that it started."""
    process = contestant.service.process
    parent = psutil.Process(process.pid if process else None)
    return [parent, *parent.children(recursive=True)]


def processor_s(contestant: Contestant) -> float:
    """Seconds of a core that the service has used so far."""
    return sum(sum(p.cpu_times()[:2]) for p in processes(contestant))


def memory_mb(contestant: Contestant) -> float:
    """Resident memory of all processes; what they share is counted in each."""
    return sum(p.memory_info().rss for p in processes(contestant)) / 1e6


def measure(
    contestant: Contestant, pictures: list[Path], clients: int, seconds: float, scratch: Path
) -> dict[str, object]:
    """One round of load on a service that runs."""
    before, spent = contestant.rows(), processor_s(contestant)
    outcome = send(contestant.url, FIELD, pictures, clients, seconds, scratch)
    time.sleep(1.0)  # what was on its way when the load ended is stored too
    spent = processor_s(contestant) - spent
    answered = outcome.statuses[200]
    found: dict[str, object] = {
        "clients": clients,
        **{name: round(value, 1) for name, value in outcome.figures.items()},
        "statuses": {str(status): count for status, count in outcome.statuses.items()},
        "core_ms_a_request": round(spent / answered * 1000, 2) if answered else None,
        "memory_mb": round(memory_mb(contestant)),
    }
    if contestant.database is not None:
        found["lost"] = len(set(outcome.ids) - (contestant.rows() - before))
    return found


def loads(name: str, args: argparse.Namespace, scratch: Path) -> list[dict[str, object]]:
    """All loads on one service, from its start to its stop."""
    database = args.postgres or f"sqlite:///{scratch / f'{name}.db'}"
    if args.postgres:
        expendable.empty(args.postgres)
    contestant = CONTESTANTS[name](args.model, database)
    pictures = photographs(args.source)
    contestant.service.start()
    try:
        contestant.service.wait()
        send(contestant.url, FIELD, pictures, 2, WARM_UP_S, scratch)
        found = []
        for clients in args.clients or CLIENTS:
            found.append(measure(contestant, pictures, clients, args.seconds, scratch))
            print(name, found[-1], flush=True)
        return found
    finally:
        contestant.service.stop()


def medians(rounds: Sequence[dict]) -> dict[str, object]:
    """One load in several rounds: what is counted summed, of all else the median."""
    found: dict[str, object] = {}
    for name, first in rounds[0].items():
        values = [one[name] for one in rounds if one[name] is not None]
        if name == "statuses":
            found[name] = dict(sum(map(Counter, values), Counter()))
        elif name in ("broken", "lost"):
            found[name] = sum(values)
        else:
            found[name] = first if name == "clients" or not values else float(np.median(values))
    return {**found, "requests_per_second_of_rounds": [x["requests_per_second"] for x in rounds]}


def command() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="a packed model's folder")
    parser.add_argument("--only", action="append", choices=CONTESTANTS, help="may be repeated")
    parser.add_argument("--clients", action="append", type=int, help="may be repeated")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--rounds", type=positive, default=3, help="of all services in turns")
    parser.add_argument("--source", type=Path, default=results.PHOTOS)
    parser.add_argument("--postgres", help="URL of a database of its own, which is emptied")
    parser.add_argument("--name", help="of the file of results")
    return parser


def main() -> None:
    """The command."""
    parser = command()
    args = parser.parse_args()
    if args.postgres:
        expendable.require_no_history(args.postgres)
    asked = ("only", "clients", "seconds", "rounds", "postgres")
    whole = bool(args.name) or results.whole(parser, args, *asked)
    done = {}
    measured: dict[str, list[list[dict]]] = {name: [] for name in args.only or CONTESTANTS}
    for name in list(measured) * args.rounds:
        with tempfile.TemporaryDirectory() as scratch:
            measured[name].append(loads(name, args, Path(scratch)))
        done[name] = [medians(rounds) for rounds in zip(*measured[name], strict=True)]
        finished = all(len(rounds) == args.rounds for rounds in measured.values())
        results.write(args.name or "serving", {"services": done}, whole and finished)


if __name__ == "__main__":
    main()
