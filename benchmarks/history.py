"""How the history behaves as it grows: pages, filters, statistics and inserts at each size.

python -m benchmarks.history                                   # SQLite, up to 10 million rows
python -m benchmarks.history --database postgresql://…         # one of its own, which is emptied
python -m benchmarks.history --rows 10000 --rows 100000        # smaller

Rows are spread over a year, as the service would have stored them. Requests go through the whole
application, without HTTP. Beside it, the queries of a plain service on the same rows: a page by
OFFSET, and statistics by GROUP BY.
"""

import argparse
import random
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from flask import Flask
from sqlalchemy import insert, text
from tqdm import tqdm

from benchmarks import expendable, results
from history_service import create_app, schema_version
from history_service.database import db, write
from history_service.models import Draft, HourlyRollup, Prediction
from history_service.pagination import Cursor

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
CATEGORIES = [f"category_{i:02}" for i in range(15)]
VERSIONS = ["1", "2", "3"]
SPAN = timedelta(days=365)
CHUNK = 10_000
ASKED, PLAIN_ASKED = 100, 5
INSERTS, BATCH = 300, 16
PICTURE = Path("docs/pictures/history.png")


def draft(rng: random.Random) -> Draft:
    """A prediction with scores of every category, as long in bytes as a real one."""
    scores = sorted((rng.random() for _ in CATEGORIES), reverse=True)
    order = rng.sample(CATEGORIES, len(CATEGORIES))
    return Draft(
        filename=f"{uuid.UUID(int=rng.getrandbits(128))}.jpg",
        predicted_label=order[0],
        confidence=scores[0],
        all_scores=dict(zip(order, scores, strict=True)),
        model_name="sports-ball-classification",
        model_version=rng.choice(VERSIONS),
        model_run_id="0" * 32,
        latency_ms=rng.lognormvariate(1.5, 0.5),
        request_id=uuid.UUID(int=rng.getrandbits(128)).hex,
        sha256=f"{rng.getrandbits(256):064x}",
        size_bytes=rng.randrange(10_000, 3_000_000),
        idempotency_key=None,
        part=0,
        known=rng.random() > 0.05,
        unknown_score=rng.random(),
    )


def fill(rows: int, wanted: int, end: datetime, rng: random.Random) -> None:
    """Add predictions, in the order of their times, until there are `wanted`."""
    drafts = [draft(rng) for _ in range(1_000)]  # what they say repeats; when, does not
    begun, new = rows, wanted - rows
    with tqdm(total=wanted, initial=rows, desc="fill", unit="row") as bar:
        while rows < wanted:
            # Over the whole year anew: the new rows lie between the old ones.
            numbers = range(rows - begun, min(rows - begun + CHUNK, new))
            times = [end - SPAN * (1 - (i + 0.5) / new) for i in numbers]
            chunk = [Prediction(**drafts[i % 1_000].columns(t)) for i, t in enumerate(times)]
            with write() as session:
                session.execute(
                    insert(Prediction.__table__),
                    [{k: v for k, v in vars(one).items() if k[0] != "_"} for one in chunk],
                )
                HourlyRollup.add(session, chunk)
            rows += len(numbers)
            bar.update(len(numbers))


def tidy() -> None:
    """What PostgreSQL does by itself, in time, where rows come a few in a transaction.

    Within one of CHUNK rows it has to keep each value that a sum had on the way.
    """
    sums = [f"{span}_rollups" for span in ("hourly", "daily", "monthly")]
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE predictions"))
        connection.execute(text(f"VACUUM (FULL, ANALYZE) {', '.join(sums)}"))


def p95(ask: Callable[[int], object], times: int) -> float:
    """The 95th percentile of the milliseconds that `ask(0)`, `ask(1)`, … take."""
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        ask(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return round(float(np.percentile(taken, 95)), 2)


def requests(app: Flask, end: datetime, rng: random.Random) -> dict[str, float]:
    """p95 in milliseconds of what people and programs ask."""
    client = app.test_client()

    def get(query: str) -> None:
        response = client.get(query)
        assert response.status_code == 200, response.json

    def moment() -> datetime:
        return end - SPAN * rng.random()

    def page(_: int) -> None:
        get(f"/predictions?limit=50&cursor={Cursor(moment(), 0)}")

    def span(_: int) -> None:
        since = moment()
        until = since + timedelta(days=rng.randrange(1, 60))
        get(f"/predictions?limit=50&since={since:%Y-%m-%dT%H:%M:%S}&until={until:%Y-%m-%dT%H:%M}")

    def by(name: str, values: list[str]) -> Callable[[int], None]:
        return lambda i: get(f"/predictions?limit=50&{name}={values[i % len(values)]}")

    asked = {
        "page": page,
        "by_label": by("label", CATEGORIES),
        "by_version": by("model_version", VERSIONS),
        "by_time": span,
        "stats": lambda _: get("/stats"),
    }
    return {f"{name}_p95_ms": p95(ask, ASKED) for name, ask in asked.items()}


def plain(rows: int) -> dict[str, float]:
    """p95 in milliseconds of a plain service's queries, on the same rows and indices."""
    page = text("SELECT * FROM predictions ORDER BY created_at DESC LIMIT 50 OFFSET :skip")
    stats = text("SELECT predicted_label, count(*), avg(confidence) FROM predictions GROUP BY 1")

    def ask(query: object, **values: int) -> None:
        db.session.execute(query, values).all()  # type: ignore[call-overload]
        db.session.rollback()

    return {
        "plain_page_p95_ms": p95(lambda i: ask(page, skip=rows * (i + 1) // 6), PLAIN_ASKED),
        "plain_stats_p95_ms": p95(lambda _: ask(stats), PLAIN_ASKED),
    }


def inserts_a_second(rng: random.Random) -> float:
    """Predictions a second through the service's own durable transactions of BATCH rows."""
    batches = [[draft(rng) for _ in range(BATCH)] for _ in range(INSERTS)]
    begun = time.perf_counter()
    for batch in batches:
        with write() as session:
            Prediction.record(session, batch)
    return round(INSERTS * BATCH / (time.perf_counter() - begun), 1)


def megabytes() -> float:
    """What the database takes on disk, indices included."""
    sizes = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        "postgresql": "SELECT pg_database_size(current_database())",
    }
    size = db.session.scalar(text(sizes[db.engine.dialect.name]))
    db.session.rollback()
    return round(size / 1e6, 1)


def measure(app: Flask, sizes: list[int]) -> list[dict[str, float]]:
    """The figures at each size, the empty database first."""
    rng, end = random.Random(0), datetime.now(UTC)
    found: list[dict[str, float]] = []
    with app.app_context():
        for wanted in [0, *sizes]:
            rows = db.session.scalar(text("SELECT count(*) FROM predictions")) or 0
            db.session.rollback()
            fill(rows, wanted, end, rng)
            if db.engine.dialect.name == "postgresql":
                tidy()
            figures: dict[str, float] = {"rows": wanted, "megabytes": megabytes()}
            if wanted:
                figures |= requests(app, end, rng) | plain(wanted)
            figures["inserts_per_second"] = inserts_a_second(rng)
            print(figures, flush=True)
            found.append(figures)
    return found


def draw(databases: dict[str, dict], path: Path) -> None:
    """One picture: milliseconds over rows, each database a panel."""
    figure, axes = plt.subplots(1, len(databases), figsize=(5.5 * len(databases), 4), sharey=True)
    for axis, (name, found) in zip(np.atleast_1d(axes), databases.items(), strict=True):
        sized = [row for row in found["sizes"] if row["rows"]]
        for key in [k for k in sized[0] if k.endswith("_ms")]:
            style = "--" if key.startswith("plain") else "-"
            label = key.removesuffix("_p95_ms").replace("_", " ")
            axis.loglog([r["rows"] for r in sized], [r[key] for r in sized], style, label=label)
        axis.set_title(name)
        axis.set_xlabel("rows")
        axis.grid(alpha=0.3)
    np.atleast_1d(axes)[0].set_ylabel("p95, milliseconds")
    np.atleast_1d(axes)[-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", help="a PostgreSQL URL; default: SQLite in a scratch folder")
    parser.add_argument("--rows", action="append", type=int, help="may be repeated")
    args = parser.parse_args()
    whole = results.whole(parser, args, "rows")
    done = results.read("history").get("databases", {}) if whole else {}
    with tempfile.TemporaryDirectory() as scratch:
        url = args.database or f"sqlite:///{scratch}/history.db"
        if args.database:
            expendable.require_no_history(url)
            expendable.empty(url)
        app = create_app({"DATABASE_URL": url, "LOG_LEVEL": "error"})
        with app.app_context():
            name = db.engine.dialect.name
        schema_version.upgrade(app)
        sizes = measure(app, args.rows or list(SIZES))
    done[name] = {"machine": results.machine(), "sizes": sizes}
    results.write("history", {"databases": done}, whole)
    if whole:
        draw(done, PICTURE)


if __name__ == "__main__":
    main()
