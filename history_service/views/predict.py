"""POST /predict: pictures in, stored predictions out."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import current_app, g, request

from history_service.classifier import Classified, get_classifier
from history_service.errors import Problem, as_problem
from history_service.limits import room_for_body
from history_service.openapi import documented
from history_service.schemas import PredictHeadersIn, PredictIn, PredictionOut, PredictQueryIn
from history_service.uploads import Upload, read_uploads

blueprint = APIBlueprint("predict", __name__, tag="Predict")

_TOLD = PredictionOut()  # making one takes longer than filling it


@blueprint.post("/predict")
@documented(PredictIn, "files")
@documented(PredictHeadersIn, "headers")
@blueprint.input(PredictQueryIn, location="query")
@blueprint.output(PredictionOut)
@blueprint.doc(responses=[400, 408, 409, 413, 415, 422, 502, 503, 504])
def predict(query_data: dict[str, bool]) -> Any:
    """Classify a picture, or several at once

    One `img` part answers with its prediction. Several answer with `{"predictions": […]}` in the
    order of the parts, each a prediction or `{"filename": …, "problem": {…}}`.
    """
    with room_for_body():
        return _predict(query_data["explain"])


def _predict(explain: bool) -> Any:
    config = current_app.config
    limits = config["MAX_UPLOAD_BYTES"], config["MAX_PICTURES"]
    uploads = read_uploads(request, g.client, *limits)
    good = [upload for upload in uploads if isinstance(upload, Upload)]
    classify = get_classifier().classify
    answers = iter(classify(good, g.request_id, g.deadline, explain) if good else [])
    results = [next(answers) if isinstance(one, Upload) else one.reason for one in uploads]
    if len(results) == 1:
        return current_app.json.response(_one(results[0], explain))
    return current_app.json.response(predictions=_many(uploads, results, explain))


def _one(result: Classified | Exception, explain: bool) -> dict[str, Any]:
    if isinstance(result, Exception):
        raise result
    told = _TOLD.dump(result.prediction)
    return {**told, "heat_map": result.heat_map} if explain else told


def _many(uploads: list, results: list, explain: bool) -> list[dict[str, Any]]:
    """Each picture's own result. Raises the problem where it is the service's and hit them all."""
    problems = [as_problem(one) if isinstance(one, Exception) else None for one in results]
    if all(problem is not None and problem.status >= 500 for problem in problems):
        raise results[0]
    return [
        _one(result, explain) if problem is None else _failed(upload.filename, problem)
        for upload, result, problem in zip(uploads, results, problems, strict=True)
    ]


def _failed(filename: str, problem: Problem) -> dict[str, Any]:
    return {"filename": filename, "problem": problem.body()}
