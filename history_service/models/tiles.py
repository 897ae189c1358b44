"""Tiles a span of time with roll-ups: whole months, and what is left in days, then in hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, Subquery, select, union_all

from history_service.models.rollup import Counters, DailyRollup, HourlyRollup, MonthlyRollup

HOUR = timedelta(hours=1)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def full_hour(time: datetime | None) -> datetime | None:
    """The hour that a time lies in; None of None."""
    return time and time.replace(minute=0, second=0, microsecond=0)


def next_full_hour(time: datetime | None) -> datetime | None:
    """The first full hour that is not before a time, or else the end of time; None of None."""
    start = full_hour(time)
    if start is None or start == time:
        return start
    return END_OF_TIME if start > END_OF_TIME - HOUR else start + HOUR


@dataclass(frozen=True)
class Level:
    """Roll-ups of one length of time. Times are full hours in UTC."""

    model: type[Counters]
    key: str
    """the column that names the span"""
    name: str | None
    """how the span is written there; None: as its first moment"""
    longest: timedelta
    start: dict[str, int]
    """what to replace in a time for the first moment of its span"""

    def down(self, time: datetime) -> datetime:
        """The first moment of the span that a time lies in."""
        return time.replace(**self.start)  # type: ignore[arg-type]

    def up(self, time: datetime) -> datetime:
        """The first moment of a span that is not before a time."""
        start = self.down(time)
        if start == time:
            return time
        return (
            END_OF_TIME if start > END_OF_TIME - self.longest else self.down(start + self.longest)
        )

    def select(
        self, columns: Sequence[str], since: datetime | None, until: datetime | None
    ) -> Select:
        """`columns` of the spans that begin at `since` or later, and before `until`."""
        query = select(*(getattr(self.model, column) for column in columns))
        key = getattr(self.model, self.key)
        if since is not None:
            query = query.where(key >= (since.strftime(self.name) if self.name else since))
        if until is not None:
            query = query.where(key < (until.strftime(self.name) if self.name else until))
        return query


MONTHS = Level(MonthlyRollup, "month", "%Y-%m", timedelta(days=31), {"day": 1, "hour": 0})
DAYS = Level(DailyRollup, "day", "%Y-%m-%d", timedelta(days=1), {"hour": 0})
HOURS = Level(HourlyRollup, "hour", None, HOUR, {})


def rollups(columns: Sequence[str], since: datetime | None, until: datetime | None) -> Subquery:
    """`columns` of the roll-ups of a span, as few rows as can be; months have no column `day`.

    since, until: full hours, the latter not included; None: without an end.
    """
    levels = [DAYS, HOURS] if "day" in columns else [MONTHS, DAYS, HOURS]
    since, until = (time and time.astimezone(UTC) for time in (since, until))
    return union_all(*_tiles(levels, columns, since, until)).subquery()


def _tiles(
    levels: list[Level], columns: Sequence[str], since: datetime | None, until: datetime | None
) -> list[Select]:
    level, *finer = levels
    if not finer:
        return [level.select(columns, since, until)]
    first, last = since and level.up(since), until and level.down(until)
    if first and last and first >= last:
        return _tiles(finer, columns, since, until)
    tiles = [level.select(columns, first, last)]
    if since != first:
        tiles += _tiles(finer, columns, since, first)
    if until != last:
        tiles += _tiles(finer, columns, last, until)
    return tiles
