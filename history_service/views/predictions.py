"""The history: listed, filtered, exported, shown one by one, deleted."""

from __future__ import annotations

from itertools import chain
from typing import Any

from apiflask import APIBlueprint
from flask import Response, stream_with_context

from history_service.csv_export import csv_lines
from history_service.database import MAX_KEY, read, write
from history_service.errors import Problem
from history_service.keys import needs_key
from history_service.models import Picture, Prediction
from history_service.openapi import answers_with
from history_service.schemas import (
    DeletedOut,
    ImageIn,
    PageIn,
    PredictionOut,
    PredictionsOut,
    SelectionIn,
    selection_of,
)
from history_service.uploads import MEDIA_TYPES

blueprint = APIBlueprint("predictions", __name__, tag="Predictions")
ALL = "/predictions"
ONE = f"/predictions/<int(max={MAX_KEY}):prediction_id>"
BY_KEY: list[str | dict[str, list]] = ["Bearer", "ApiKey"]


@blueprint.get(ALL)
@blueprint.input(PageIn, location="query")
@blueprint.output(PredictionsOut)
@blueprint.doc(responses=[422, 503])
def list_predictions(query_data: dict[str, Any]) -> dict[str, Any]:
    """List predictions, newest first

    `next` is the cursor of the next page, null on the last one.
    """
    selection = selection_of(query_data)
    page = selection.page(read(), query_data["limit"], query_data.get("cursor"), query_data["skip"])
    return {
        "total": selection.count(read()),
        "predictions": page.rows,
        "next": str(page.next) if page.next else None,
    }


@blueprint.get(ALL + ".csv")
@blueprint.input(SelectionIn, location="query")
@blueprint.doc(responses=answers_with(("text/csv",), 422, 503))
def export_csv(query_data: dict[str, Any]) -> Response:
    """The same selection as CSV, streamed"""
    lines = csv_lines(read(), selection_of(query_data))
    whole = stream_with_context(chain([next(lines)], lines))
    headers = {"Content-Disposition": "attachment; filename=predictions.csv"}
    return Response(whole, mimetype="text/csv", headers=headers)


@blueprint.get(ONE)
@blueprint.output(PredictionOut)
@blueprint.doc(responses=[404, 503])
def show_prediction(prediction_id: int) -> Prediction:
    """One prediction"""
    return read().get(Prediction, prediction_id) or _not_found()


@blueprint.get(ONE + "/image")
@blueprint.input(ImageIn, location="query")
@blueprint.doc(responses=answers_with(MEDIA_TYPES, 404, 422, 503))
def show_image(prediction_id: int, query_data: dict[str, str]) -> Response:
    """Its picture, where pictures are kept: the thumbnail, or the upload as it came"""
    picture = read().get(Picture, prediction_id)
    data, media_type = picture.sized(query_data["size"]) if picture else (None, None)
    if data is None:
        raise Problem(
            404, "no_picture", "No such picture is kept of this prediction (KEEP_IMAGES)."
        )
    headers = {"Cache-Control": "private, max-age=3600", "Content-Disposition": "inline"}
    return Response(data, mimetype=media_type, headers=headers)


@blueprint.delete(ONE)
@blueprint.output(DeletedOut)
@blueprint.doc(responses=[401, 403, 404, 503], security=BY_KEY)
@needs_key("delete")
def delete_prediction(prediction_id: int) -> dict[str, int]:
    """Delete one prediction and its picture"""
    with write() as session:
        deleted = Prediction.delete_one(session, prediction_id)
    return {"deleted": deleted} if deleted else _not_found()


@blueprint.delete(ALL)
@blueprint.input(SelectionIn, location="query")
@blueprint.output(DeletedOut)
@blueprint.doc(responses=[401, 403, 422, 503], security=BY_KEY)
@needs_key("delete")
def delete_predictions(query_data: dict[str, Any]) -> dict[str, int]:
    """Delete all predictions that the filters select; without filters, all there are"""
    return {"deleted": selection_of(query_data).delete_all()}


def _not_found() -> Any:
    raise Problem(404, "no_such_prediction", "There is no prediction with this number.")
