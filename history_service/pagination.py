"""Keyset pagination, newest first: a cursor names the last row seen, so depth costs nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

from history_service.database import MAX_KEY, RFC3339_UTC, rfc3339


class Cursor(NamedTuple):
    """The place of a row in the order newest first."""

    created_at: datetime
    id: int

    def __str__(self) -> str:
        return urlsafe_b64encode(f"{rfc3339(self.created_at)} {self.id}".encode()).decode()

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The inverse of str(). Raises ValueError where the text was never a cursor."""
        time, number = urlsafe_b64decode(text.encode("ascii")).decode("ascii").split(" ")
        if not number.isdecimal() or int(number) > MAX_KEY:
            raise ValueError("not a row's number")
        return cls(datetime.strptime(time, RFC3339_UTC).replace(tzinfo=UTC), int(number))


class CursorField(fields.String):
    """A cursor in a query string."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return Cursor.read(super()._deserialize(value, *args, **kwargs))
        except ValueError as error:
            raise ValidationError("Not a cursor of this service.") from error


class Page(NamedTuple):
    """Some rows, and the cursor of the page after them, None where there is none."""

    rows: list[Any]
    next: Cursor | None


def read_page(
    session: Session,
    query: Select,
    model: Any,
    limit: int,
    cursor: Cursor | None = None,
    skip: int = 0,
) -> Page:
    """The page of `query` after `cursor`. model: has created_at and id, with an index over both."""
    if cursor is not None:
        query = query.where(tuple_(model.created_at, model.id) < tuple(cursor))
    query = query.order_by(model.created_at.desc(), model.id.desc()).offset(skip).limit(limit + 1)
    rows = list(session.scalars(query))
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, Cursor(rows[-1].created_at, rows[-1].id) if more else None)
