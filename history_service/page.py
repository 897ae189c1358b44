"""What the page shows: the history, its filters and the statistics, even where a part is down."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flask import Flask, current_app, request
from marshmallow import EXCLUDE, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from history_service.charts import Statistics, plain
from history_service.database import db, read, rfc3339
from history_service.models import NO_THUMBNAIL, Picture, Summary
from history_service.schemas import PageIn, selection_of

ROWS = 12  # predictions on a page of the history


def history_context() -> dict[str, Any]:
    """What history.html needs; `history` is None where the database is down."""
    given = {name: value for name, value in request.args.items() if value}
    filters = {name: given[name] for name in SELECTING if name in given}
    context = {"asked": defaultdict(str, given), "filtered": filters, "wrong": None}
    try:
        query = PageIn(unknown=EXCLUDE).load(given)
    except ValidationError as error:
        names = ", ".join(error.normalized_messages())
        return {**context, "history": (), "wrong": f"These filters are not valid: {names}."}
    selection = selection_of(query)
    try:
        page = selection.page(read(), ROWS, query.get("cursor"))
        return {
            **context,
            "history": page,
            "total": selection.count(read()),
            "pictured": _pictured([row.id for row in page.rows]),
        }
    except SQLAlchemyError:
        db.session.rollback()
        return {**context, "history": None}


SELECTING = (
    "label",
    "min_confidence",
    "max_confidence",
    "since",
    "until",
    "model_version",
    "filename",
    "known",
)


def _pictured(ids: list[int]) -> set[int]:
    """Those of the predictions of whose picture there is a thumbnail."""
    chosen = select(Picture.prediction_id).where(Picture.prediction_id.in_(ids))
    return set(read().scalars(chosen.where(Picture.thumbnail != NO_THUMBNAIL)))


def statistics_context() -> dict[str, Any]:
    """What statistics.html needs; `statistics` is None where the database is down."""
    try:
        summary = Summary.of(read())
    except SQLAlchemyError:
        db.session.rollback()
        return {"statistics": None}
    return {"statistics": Statistics.of(summary, current_app.config["UNSURE_BELOW"])}


def percent(share: float) -> str:
    """0.934 → 93 %; never rounds up to a certainty that is none."""
    return f"{int(share * 100 + 0.5) if share < 0.995 else int(share * 100)} %"


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(plain=plain, percent=percent, rfc3339=rfc3339)
