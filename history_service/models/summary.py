"""Sums over the history, out of the roll-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from history_service.models.rollup import (
    CONFIDENCE_BINS,
    COUNTERS,
    LATENCY_COLUMNS,
    LATENCY_EDGES_MS,
    MILLION,
)
from history_service.models.tiles import full_hour, next_full_hour, rollups


@dataclass
class Summary:
    """What the roll-ups say of a span of time, on full hours: since included, until excluded."""

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
        """Reads the roll-ups from the hour of `since` on, through the hour that `until` cuts."""
        summary = cls(full_hour(since), next_full_hour(until))
        within = summary._within(COUNTERS)
        totals = session.execute(select(*(func.sum(within.c[name]) for name in COUNTERS))).one()
        numbers = [int(value or 0) for value in totals]
        summary.total, summary.unknown, summary.confidence_millionths, *bins = numbers
        summary.confidence_histogram = bins[:CONFIDENCE_BINS]
        summary.latency_histogram = bins[CONFIDENCE_BINS:]
        summary.by_label = summary._grouped(session, "label")
        summary.by_version = summary._grouped(session, "model_version")
        summary.by_day = summary._grouped(session, "day")
        return summary

    def _within(self, columns: Sequence[str]) -> Subquery:
        return rollups(columns, self.since, self.until)

    def _grouped(self, session: Session, name: str) -> dict[str, int]:
        within = self._within([name, "count"])
        key: Any = within.c[name]
        query = select(key, func.sum(within.c["count"])).group_by(key).order_by(key)
        return {value: int(count) for value, count in session.execute(query)}

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
