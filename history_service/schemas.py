"""What goes in and out of the routes: checked on the way in, and the source of openapi.json."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

from apiflask import Schema
from apiflask.fields import Boolean, Dict, File, Float, Integer, List, Nested, String
from apiflask.validators import Length, OneOf, Range, Regexp
from marshmallow import INCLUDE, fields

from history_service.database import rfc3339
from history_service.models import Selection
from history_service.pagination import CursorField

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9998, 12, 31, tzinfo=UTC)


class TimeIn(fields.AwareDateTime):
    """RFC 3339 or a date alone, in UTC without a zone. Cut to 1970 to 9998: all lies inside."""

    def __init__(self, **kwargs: Any):
        super().__init__(format="iso", default_timezone=UTC, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        midnight = "T00:00:00" if len(str(value)) == len("2026-01-31") else ""
        time = super()._deserialize(f"{value}{midnight}", *args, **kwargs)
        return min(max(time, EARLIEST), LATEST).astimezone(UTC)


class TimeOut(fields.String):
    """RFC 3339 in UTC with `Z`."""

    def __init__(self, **kwargs: Any):
        super().__init__(metadata={"format": "date-time"}, **kwargs)

    def _serialize(self, value: datetime | None, *args: Any, **kwargs: Any) -> str | None:
        return rfc3339(value) if value else None


def text_in(longest: int, description: str) -> String:
    no_control = Regexp(r"^[^\x00-\x1f]*$", error="No control characters.")
    return String(
        validate=[Length(min=1, max=longest), no_control], metadata={"description": description}
    )


def switch_in(description: str, **kwargs: Any) -> Boolean:
    """`true` or `false`, as openapi.json says: marshmallow would take `on`, `1` and more."""
    return Boolean(
        truthy={"true"}, falsy={"false"}, metadata={"description": description}, **kwargs
    )


def share_in(description: str) -> Float:
    return Float(validate=Range(0, 1), metadata={"description": description})


class SpanIn(Schema):
    since = TimeIn(metadata={"description": "From this time on."})
    until = TimeIn(metadata={"description": "Before this time."})


class SelectionIn(SpanIn):
    label = text_in(200, "Predictions with this label.")
    min_confidence = share_in("With at least this confidence.")
    max_confidence = share_in("With at most this confidence.")
    model_version = text_in(200, "By this version of the model.")
    filename = text_in(255, "Whose file's name holds this text, in any case (SQLite: of A to Z).")
    known = switch_in("That look like one of the categories, or that look like none.")


class ReadyIn(Schema):
    model = switch_in("`false` asks for the database alone.", load_default=True)


class PageIn(SelectionIn):
    skip = Integer(
        load_default=0,
        validate=Range(0, 1_000_000_000),
        metadata={"description": "Leave out so many; a cursor is quicker far down."},
    )
    limit = Integer(load_default=100, validate=Range(1, 1000))
    cursor = CursorField(metadata={"description": "`next` of the page before."})


def selection_of(query: dict[str, Any]) -> Selection:
    """The filters among the parameters of a query."""
    chosen = {k: v for k, v in query.items() if k not in ("skip", "limit", "cursor")}
    if name := chosen.get("filename"):
        chosen["filename"] = unicodedata.normalize("NFC", name)  # as names are stored
    return Selection(**chosen)


class PredictIn(Schema):
    class Meta:
        unknown = INCLUDE  # other fields of a form do no harm

    img = List(File(), required=True, metadata={"description": "One picture, or several."})


class PredictQueryIn(Schema):
    explain = switch_in("`true` asks for a `heat_map`.", load_default=False)


class PredictHeadersIn(Schema):
    idempotency_key = String(
        data_key="Idempotency-Key",
        validate=Regexp(r"^[\x21-\x7e]{1,200}$"),
        metadata={"description": "A retry under the same key gives the stored answer."},
    )


class PredictionOut(Schema):
    id = Integer(required=True)
    filename = String(required=True)
    predicted_label = String(required=True)
    confidence = Float(required=True)
    all_scores = Dict(
        keys=String(), values=Float(), required=True, metadata={"description": "Likely ones first."}
    )
    created_at = TimeOut(required=True)
    model_version = String(required=True)
    known = Boolean(
        required=True,
        allow_none=True,
        metadata={
            "description": "False: looks like none of the categories, and the label is a guess; "
            "null: the model cannot tell."
        },
    )
    unknown_score = Float(
        required=True,
        allow_none=True,
        metadata={
            "description": "0 to 1: share of the validation photographs that look more like one of "
            "the categories; null: the model cannot tell."
        },
    )


class PredictionsOut(Schema):
    total = Integer(required=True)
    predictions = List(Nested(PredictionOut), required=True)
    next = String(required=True, allow_none=True, metadata={"description": "Cursor, or null."})


class ImageIn(Schema):
    size = String(
        load_default="thumb",
        validate=OneOf(["thumb", "full"]),
        metadata={"description": "`full` where KEEP_IMAGES=full."},
    )


class DeletedOut(Schema):
    deleted = Integer(required=True)


class ModelOut(Schema):
    name = String(required=True)
    version = String(required=True)


class HomeOut(Schema):
    message = String(required=True)
    status = String(required=True)
    model_loaded = Boolean(required=True)
    model = Nested(ModelOut, required=True, allow_none=True)
    categories = List(String(), required=True)
    links = Dict(keys=String(), values=String(), required=True)


class CategoriesOut(Schema):
    categories = List(String(), required=True)
    count = Integer(required=True)


class HealthOut(Schema):
    status = String(required=True)
    model_loaded = Boolean(required=True)
    database = Boolean(required=True)
    model = Nested(ModelOut, required=True, allow_none=True)


class StatusOut(Schema):
    status = String(required=True)


class BinOut(Schema):
    above = Float(required=True)
    up_to = Float(required=True)
    count = Integer(required=True)


class LatencyOut(Schema):
    p50 = Float(required=True, allow_none=True)
    p95 = Float(required=True, allow_none=True)


class StatsOut(Schema):
    total_predictions = Integer(required=True)
    unknown_predictions = Integer(
        required=True, metadata={"description": "Of pictures that look like no category."}
    )
    average_confidence = Float(required=True)
    predictions_per_category = Dict(keys=String(), values=Integer(), required=True)
    predictions_per_day = Dict(keys=String(), values=Integer(), required=True)
    predictions_per_model_version = Dict(keys=String(), values=Integer(), required=True)
    confidence_histogram = List(Nested(BinOut), required=True)
    low_confidence_below = Float(required=True)
    low_confidence_share = Float(required=True)
    model_latency_ms = Nested(LatencyOut, required=True)
    model_loaded = Boolean(required=True)
    since = TimeOut(required=True, allow_none=True)
    until = TimeOut(required=True, allow_none=True)
