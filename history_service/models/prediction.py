"""Predictions that were made: one row a picture, and every query on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    JSON,
    Boolean,
    Double,
    Index,
    Integer,
    Select,
    String,
    delete,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from history_service.database import BigKey, UtcTime, db
from history_service.models.picture import NO_THUMBNAIL, Picture
from history_service.models.rollup import HourlyRollup


class KeyReused(Exception):
    """The Idempotency-Key was used before, with another picture."""


class Keyed(Protocol):
    """A picture that came with an Idempotency-Key (or None). part: its place in the request."""

    @property
    def idempotency_key(self) -> str | None: ...
    @property
    def part(self) -> int: ...
    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True)
class Draft:
    """A prediction that is not stored yet."""

    filename: str
    predicted_label: str
    confidence: float
    all_scores: dict[str, float]
    model_name: str
    model_version: str
    model_run_id: str
    latency_ms: float
    request_id: str
    sha256: str
    size_bytes: int
    idempotency_key: str | None
    part: int
    known: bool | None = None
    unknown_score: float | None = None
    thumbnail: bytes | None = None
    original: bytes | None = None
    original_type: str | None = None

    def columns(self, created_at: datetime) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in _DRAFT_COLUMNS}
        return {**values, "created_at": created_at}


class Prediction(db.Model):  # type: ignore[name-defined]
    """What the model said of a picture. all_scores: category → share, likely ones first.

    known: False where the picture looks like none of the categories; unknown_score: in [0, 1], the
    share of validation photographs that look more like one. Both None by a model that cannot tell.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_newest", "created_at", "id"),
        Index("ix_predictions_label", "predicted_label", "created_at", "id"),
        Index("ix_predictions_version", "model_version", "created_at", "id"),
        # Its condition has to be, to the word, that of Selection: else no query uses it.
        Index(
            "ix_predictions_unknown",
            "created_at",
            "id",
            sqlite_where=text("known IS 0"),
            postgresql_where=text("known IS FALSE"),
        ),
        Index("uq_predictions_key", "idempotency_key", "part", unique=True),
        {"sqlite_autoincrement": True},  # a deleted row's number is never given again
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    filename: Mapped[str] = mapped_column(String(255))
    predicted_label: Mapped[str] = mapped_column(String(200))
    confidence: Mapped[float] = mapped_column(Double)
    all_scores: Mapped[dict[str, float]] = mapped_column(JSON)  # not JSONB: it loses the order
    model_name: Mapped[str] = mapped_column(String(200))
    model_version: Mapped[str] = mapped_column(String(200))
    model_run_id: Mapped[str] = mapped_column(String(64))
    latency_ms: Mapped[float] = mapped_column(Double)
    request_id: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(Integer)
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    part: Mapped[int] = mapped_column(Integer)
    known: Mapped[bool | None] = mapped_column(Boolean)
    unknown_score: Mapped[float | None] = mapped_column(Double)

    @classmethod
    def record(cls, session: Session, drafts: Sequence[Draft]) -> list[Prediction | KeyReused]:
        """Stores drafts and counts them, in the caller's write transaction; one result a draft.

        A draft whose key and picture are stored already gives the stored row; one whose key is
        stored with another picture gives KeyReused.
        """
        now = datetime.now(UTC)
        plain = [draft for draft in drafts if draft.idempotency_key is None]
        new = list(zip(plain, cls._insert(session, plain, now), strict=True))
        results: dict[int, Prediction | KeyReused] = {id(draft): row for draft, row in new}
        keyed = [draft for draft in drafts if draft.idempotency_key is not None]
        # Sorted: transactions that wait for each other's keys do so in one order.
        for draft in sorted(keyed, key=lambda one: (str(one.idempotency_key), one.part)):
            row = cls._insert_once(session, draft, now)
            if row is not None:
                new.append((draft, row))
            results[id(draft)] = row or cls.by_key(session, draft) or KeyReused()
        cls._keep_pictures(session, new)
        HourlyRollup.add(session, [row for _, row in new])
        return [results[id(draft)] for draft in drafts]

    @classmethod
    def _insert(cls, session: Session, drafts: list[Draft], now: datetime) -> list[Prediction]:
        if not drafts:
            return []
        rows = [draft.columns(now) for draft in drafts]
        keys = session.execute(_insert_returning_keys(), rows).scalars()
        return [cls(id=key, **row) for key, row in zip(keys, rows, strict=True)]

    @classmethod
    def _insert_once(cls, session: Session, draft: Draft, now: datetime) -> Prediction | None:
        """Stores a draft with a key; None where that key is taken."""
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        values = draft.columns(now)
        statement = (
            dialect.insert(cls.__table__)
            .values(values)
            .on_conflict_do_nothing(index_elements=["idempotency_key", "part"])
            .returning(cls.id)
        )
        key = session.execute(statement).scalar()
        return None if key is None else cls(id=key, **values)

    @classmethod
    def _keep_pictures(cls, session: Session, new: list[tuple[Draft, Prediction]]) -> None:
        rows = [
            {
                "prediction_id": row.id,
                "thumbnail": draft.thumbnail or NO_THUMBNAIL,
                "original": draft.original,
                "original_type": draft.original_type,
            }
            for draft, row in new
            if draft.thumbnail or draft.original
        ]
        if rows:
            session.execute(insert(Picture.__table__), rows)

    @classmethod
    def delete_one(cls, session: Session, key: int) -> int:
        """Deletes a row and counts it out, in the caller's write transaction; 1, or 0 if none."""
        return delete_chosen(session, select(cls.id).where(cls.id == key))

    @classmethod
    def by_key(cls, session: Session, asked: Keyed) -> Prediction | KeyReused | None:
        """The row stored under an Idempotency-Key, KeyReused where its picture is another one."""
        row = session.scalar(
            select(cls).where(cls.idempotency_key == asked.idempotency_key, cls.part == asked.part)
        )
        return KeyReused() if row is not None and row.sha256 != asked.sha256 else row


@cache  # building it takes longer than running it
def _insert_returning_keys() -> Any:
    table = Prediction.__table__
    return insert(table).returning(table.c.id, sort_by_parameter_order=True)


_DRAFT_COLUMNS = [
    c.name for c in Prediction.__table__.columns if c.name not in ("id", "created_at")
]


def delete_chosen(session: Session, chosen: Select) -> int:
    """Deletes the rows whose ids `chosen` selects, with their pictures and their counts."""
    deleted = session.execute(
        delete(Prediction)
        .where(Prediction.id.in_(chosen))
        .returning(
            Prediction.created_at,
            Prediction.model_version,
            Prediction.predicted_label,
            Prediction.confidence,
            Prediction.latency_ms,
            Prediction.known,
        ),
        execution_options={"synchronize_session": False},
    ).all()
    HourlyRollup.add(session, deleted, sign=-1)
    return len(deleted)
