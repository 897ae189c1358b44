"""Counts by hour, model version and label, kept in step with the history in its transactions."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from sqlalchemy import BigInteger, Integer, Select, String, delete, func, select
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


class HourlyRollup(db.Model):  # type: ignore[name-defined]
    """Predictions of one hour by one model version with one label.

    Sums are whole numbers (millionths), so that adding and taking away again leaves no trace.
    """

    __tablename__ = "hourly_rollups"

    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    model_version: Mapped[str] = mapped_column(String(200), primary_key=True)
    label: Mapped[str] = mapped_column(String(200), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), index=True)
    count: Mapped[int] = mapped_column(Integer)
    unknown_count: Mapped[int] = mapped_column(Integer, server_default="0")
    confidence_millionths: Mapped[int] = mapped_column(BigInteger)

    @classmethod
    def add(cls, session: Session, predictions: Iterable[Counted], sign: int = 1) -> None:
        """Counts predictions in (sign 1) or out again (sign -1), in the caller's transaction."""
        changes = _changes(predictions, sign)
        if not changes:
            return
        # Sorted: two transactions that lock the same rows in one order never block each other.
        rows = [{**key_columns(key), **counts} for key, counts in sorted(changes.items())]
        session.execute(_upsert(session.get_bind().dialect.name), rows)
        if sign < 0:
            session.execute(delete(cls).where(cls.count <= 0))


for _name in [*CONFIDENCE_COLUMNS, *LATENCY_COLUMNS]:
    setattr(HourlyRollup, _name, mapped_column(_name, Integer, nullable=False))


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


@dataclass
class Summary:
    """What the roll-ups say of a span of time. since and until lie on full hours."""

    since: datetime | None
    until: datetime | None
    total: int = 0
    unknown: int = 0
    confidence_millionths: int = 0
    by_label: dict[str, int] = field(default_factory=dict)
    by_version: dict[str, int] = field(default_factory=dict)
    by_day: dict[str, int] = field(default_factory=dict)
    confidence_histogram: list[int] = field(default_factory=lambda: [0] * CONFIDENCE_BINS)
    latency_histogram: list[int] = field(default_factory=lambda: [0] * len(LATENCY_COLUMNS))

    @classmethod
    def of(
        cls, session: Session, since: datetime | None = None, until: datetime | None = None
    ) -> Summary:
        """Reads the roll-ups from the hour of `since` to the hour of `until`, both included."""
        summary = cls(_full_hour(since), _full_hour(until))
        table = HourlyRollup.__table__
        totals = session.execute(
            summary._within(select(*(func.sum(table.c[name]) for name in COUNTERS)))
        ).one()
        numbers = [int(value or 0) for value in totals]
        summary.total, summary.unknown, summary.confidence_millionths, *bins = numbers
        summary.confidence_histogram = bins[:CONFIDENCE_BINS]
        summary.latency_histogram = bins[CONFIDENCE_BINS:]
        summary.by_label = summary._grouped(session, HourlyRollup.label)
        summary.by_version = summary._grouped(session, HourlyRollup.model_version)
        summary.by_day = summary._grouped(session, HourlyRollup.day)
        return summary

    def _within(self, query: Select) -> Select:
        if self.since is not None:
            query = query.where(HourlyRollup.hour >= self.since)
        if self.until is not None:
            query = query.where(HourlyRollup.hour <= self.until)
        return query

    def _grouped(self, session: Session, column: Any) -> dict[str, int]:
        query = select(column, func.sum(HourlyRollup.count)).group_by(column).order_by(column)
        return {key: int(count) for key, count in session.execute(self._within(query))}

    @property
    def average_confidence(self) -> float:
        """Mean confidence in [0, 1]; 0 where there is no prediction."""
        return round(self.confidence_millionths / MILLION / self.total, 6) if self.total else 0.0

    def share_below(self, confidence: float) -> float:
        """Share of predictions below a confidence that is a multiple of 0.05."""
        below = sum(self.confidence_histogram[: round(confidence * CONFIDENCE_BINS)])
        return round(below / self.total, 6) if self.total else 0.0

    def latency_quantile(self, share: float) -> float | None:
        """The latency in ms that `share` of the calls stay below, interpolated in its bin."""
        rank, seen = share * self.total, 0
        edges = (0, *LATENCY_EDGES_MS)
        for i, count in enumerate(self.latency_histogram):
            if count and seen + count >= rank:
                if i == len(LATENCY_EDGES_MS):
                    break
                return round(edges[i] + (edges[i + 1] - edges[i]) * (rank - seen) / count, 2)
            seen += count
        return float(LATENCY_EDGES_MS[-1]) if self.total else None


def _full_hour(time: datetime | None) -> datetime | None:
    return time and time.replace(minute=0, second=0, microsecond=0)
