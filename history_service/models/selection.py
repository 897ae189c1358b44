"""A choice among the predictions: listed, counted, exported or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from history_service.database import write
from history_service.models.prediction import Prediction, delete_chosen
from history_service.models.tiles import full_hour, next_full_hour, rollups
from history_service.pagination import Cursor, Page, read_page

DELETE_BATCH = 1_000  # rows in one transaction: others write in between


@dataclass(frozen=True)
class Selection:
    """Which predictions are meant; None means any. Times: since included, until excluded."""

    label: str | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    model_version: str | None = None
    filename: str | None = None
    known: bool | None = None

    def where(self, query: Any) -> Any:
        """Adds the conditions to a select or delete over Prediction."""
        filename_holds = partial(Prediction.filename.icontains, autoescape=True)
        conditions = (
            (Prediction.predicted_label.__eq__, self.label),
            (Prediction.model_version.__eq__, self.model_version),
            (Prediction.confidence.__ge__, self.min_confidence),
            (Prediction.confidence.__le__, self.max_confidence),
            (Prediction.created_at.__ge__, self.since),
            (Prediction.created_at.__lt__, self.until),
            (filename_holds, self.filename),
            (Prediction.known.is_, self.known),
        )
        return query.where(*(holds(value) for holds, value in conditions if value is not None))

    def count(self, session: Session) -> int:
        """How many there are; out of the roll-ups, which are few, where they can tell."""
        finer = (self.min_confidence, self.max_confidence, self.filename)
        # Of known pictures there is no sum: those whose model could not tell count as neither.
        if self.known or any(value is not None for value in finer):
            return self._count_rows(session)
        # Roll-ups know full hours; what juts out on either side is counted row by row.
        first = next_full_hour(self.since)
        last = full_hour(self.until)
        if first and last and first >= last:
            return self._count_rows(session)
        count = self._sum_rollups(session, first, last)
        if self.since != first:
            count += replace(self, until=first)._count_rows(session)
        if self.until != last:
            count += replace(self, since=last)._count_rows(session)
        return count

    def _count_rows(self, session: Session) -> int:
        return session.scalar(self.where(select(func.count()).select_from(Prediction))) or 0

    def _sum_rollups(self, session: Session, since: datetime | None, until: datetime | None) -> int:
        counter = "count" if self.known is None else "unknown_count"
        within = rollups(["label", "model_version", counter], since, until)
        query: Select = select(func.sum(within.c[counter]))
        if self.label is not None:
            query = query.where(within.c.label == self.label)
        if self.model_version is not None:
            query = query.where(within.c.model_version == self.model_version)
        return int(session.scalar(query) or 0)

    def page(
        self, session: Session, limit: int, cursor: Cursor | None = None, skip: int = 0
    ) -> Page:
        """Newest first."""
        return read_page(session, self.where(select(Prediction)), Prediction, limit, cursor, skip)

    def pages(self, session: Session, size: int = 1_000) -> Iterator[list[Prediction]]:
        """All of them, a page at a time, so that no transaction and no list grows long.

        Whoever takes a page may take long over it: the connection is back in the pool before.
        """
        cursor = None
        while True:
            page = self.page(session, size, cursor)
            session.expunge_all()  # or the rows would be read again, one by one
            session.rollback()
            yield page.rows
            if page.next is None:
                return
            cursor = page.next

    def delete_batch(self, session: Session, size: int = DELETE_BATCH) -> int:
        """Deletes up to `size` of them and counts them out, in the caller's write transaction."""
        chosen = self.where(select(Prediction.id)).order_by(Prediction.id).limit(size)
        # Rows that another deletion is about to take are no reason to wait, or to think all gone.
        # (SQLite writes one at a time anyway.) As a common table expression it is run only once.
        free = chosen.with_for_update(skip_locked=True).cte("free")
        return delete_chosen(session, select(free.c.id))

    def delete_all(self) -> int:
        """Deletes all there are now, in short transactions: others can write in between."""
        now = datetime.now(UTC)  # what is stored while this runs stays: otherwise it might not end
        present = replace(self, until=min(self.until or now, now))
        deleted = 0
        while True:
            with write() as session:
                count = present.delete_batch(session)
            if not count:
                return deleted
            deleted += count
