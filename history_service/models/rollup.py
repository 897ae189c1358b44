"""Counts by hour, day or month, model version and label, kept in step with the history.

The service writes those by hour, in the transaction of what they count; the database's triggers
(migrations 0003 and 0004) carry each change on to those by day and by month. Sums read whole months
and days where they can: a year of 15 labels is 180 rows then, and not 131,000.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from sqlalchemy import BigInteger, Integer, String, delete, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from history_service.database import UtcTime, db

CONFIDENCE_BINS = 20  # each 0.05 wide; 1.0 counts in the last
LATENCY_EDGES_MS = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75),
    *(100, 150, 200, 300, 500, 1000, 2000, 5000),
)
MILLION = 1_000_000

CONFIDENCE_COLUMNS = [f"confidence_{i:02}" for i in range(CONFIDENCE_BINS)]
LATENCY_COLUMNS = [f"latency_{i:02}" for i in range(len(LATENCY_EDGES_MS) + 1)]
COUNTERS = [
    "count",
    "unknown_count",
    "confidence_millionths",
    *CONFIDENCE_COLUMNS,
    *LATENCY_COLUMNS,
]


class Counted(Protocol):
    """What the roll-ups need to know of a prediction."""

    created_at: datetime
    model_version: str
    predicted_label: str
    confidence: float
    latency_ms: float
    known: bool | None


def confidence_bin(confidence: float) -> int:
    """The bin of a confidence in [0, 1]: 0 to 19, lower edge included."""
    return min(int(confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)


def latency_bin(latency_ms: float) -> int:
    """The bin of a latency in milliseconds: upper edge included, the last one has none."""
    return bisect_left(LATENCY_EDGES_MS, latency_ms)


class Counters:
    """Predictions of one span of time by one model version with one label.

    Sums are whole numbers (millionths), so that adding and taking away again leaves no trace.
    """

    model_version: Mapped[str] = mapped_column(String(200), primary_key=True)
    label: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    unknown_count: Mapped[int] = mapped_column(Integer, server_default="0")
    confidence_millionths: Mapped[int] = mapped_column(BigInteger)


for _name in [*CONFIDENCE_COLUMNS, *LATENCY_COLUMNS]:
    setattr(Counters, _name, mapped_column(_name, Integer, nullable=False))


class MonthlyRollup(Counters, db.Model):  # type: ignore[name-defined]
    """Those of one month in UTC, "2026-01". Only read: the database's triggers write it."""

    __tablename__ = "monthly_rollups"

    month: Mapped[str] = mapped_column(String(7), primary_key=True, sort_order=-1)


class DailyRollup(Counters, db.Model):  # type: ignore[name-defined]
    """Those of one day in UTC, "2026-01-31". Only read: the database's triggers write it."""

    __tablename__ = "daily_rollups"

    day: Mapped[str] = mapped_column(String(10), primary_key=True, sort_order=-1)


class HourlyRollup(Counters, db.Model):  # type: ignore[name-defined]
    """Those of one hour."""

    __tablename__ = "hourly_rollups"

    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True, sort_order=-1)
    day: Mapped[str] = mapped_column(String(10))

    @classmethod
    def add(cls, session: Session, predictions: Iterable[Counted], sign: int = 1) -> None:
        """Counts predictions in (sign 1) or out again (sign -1), in the caller's transaction."""
        changes = _changes(predictions, sign)
        if not changes:
            return
        if sign < 0 and session.get_bind().dialect.name == "postgresql":
            # Rows are locked an hour, its day, its month, then the next hour of that month. Whoever
            # counts in another hour meanwhile would hold that hour, and wait for the month.
            session.execute(text("LOCK TABLE hourly_rollups IN SHARE ROW EXCLUSIVE MODE"))
        # Sorted, since those who count pictures in may do so at the same time, each in one hour.
        ordered = sorted(changes.items(), key=lambda change: (*change[0][1:], change[0][0]))
        rows = [{**key_columns(key), **counts} for key, counts in ordered]
        session.execute(_upsert(session.get_bind().dialect.name), rows)
        if sign < 0:
            hours = {hour for hour, _, _ in changes}
            session.execute(delete(cls).where(cls.hour.in_(hours), cls.count <= 0))


@cache  # building it takes longer than running it
def _upsert(dialect_name: str) -> Any:
    """Adds counters to the row of an hour, version and label, or makes that row."""
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    table = HourlyRollup.__table__
    statement = dialect.insert(table)
    sums = {name: table.c[name] + statement.excluded[name] for name in COUNTERS}
    return statement.on_conflict_do_update(
        index_elements=["hour", "model_version", "label"], set_=sums
    )


def key_columns(key: tuple[datetime, str, str]) -> dict[str, Any]:
    hour, model_version, label = key
    day = hour.strftime("%Y-%m-%d")
    return {"hour": hour, "model_version": model_version, "label": label, "day": day}


def _changes(predictions: Iterable[Counted], sign: int) -> dict[tuple[datetime, str, str], dict]:
    changes: dict[tuple[datetime, str, str], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(COUNTERS, 0)
    )
    for one in predictions:
        hour = one.created_at.replace(minute=0, second=0, microsecond=0)
        counts = changes[hour, one.model_version, one.predicted_label]
        counts["count"] += sign
        counts["unknown_count"] += sign * (one.known is False)
        counts["confidence_millionths"] += sign * round(one.confidence * MILLION)
        counts[CONFIDENCE_COLUMNS[confidence_bin(one.confidence)]] += sign
        counts[LATENCY_COLUMNS[latency_bin(one.latency_ms)]] += sign
    return changes
