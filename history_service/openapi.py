"""openapi.json, made from the views; what every route has in common is added here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint, APIFlask

from history_service.errors import PROBLEM_JSON

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "code": {"type": "string", "description": "For programs; never changes."},
        "request_id": {"type": "string"},
        "errors": {"type": "object", "description": "Which parameters are wrong, and why."},
    },
}
PREDICTED = {"$ref": "#/components/schemas/Predicted"}
HEAT_MAP = {
    "type": ["array", "null"],
    "items": {"type": "array", "items": {"type": "number"}},
    "description": "Only with explain=true: rows over the whole picture, what each place adds to "
    "the label's logit, in the model's units; null: the model cannot say. It is not stored.",
}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
FAILED_PICTURE = {
    "type": "object",
    "required": ["filename", "problem"],
    "properties": {"filename": {"type": "string"}, "problem": PROBLEM},
}
SEVERAL = {
    "type": "object",
    "required": ["predictions"],
    "properties": {
        "predictions": {"type": "array", "items": {"oneOf": [PREDICTED, FAILED_PICTURE]}}
    },
}


def documented(schema: type, location: str) -> Callable[[Callable], Callable]:
    """Puts a part of the request into openapi.json; the view reads that part by itself.

    APIFlask's own `input` would read it once more, for every request.
    """

    def decorator(view: Callable) -> Callable:
        scaffold = APIBlueprint("documented", __name__)
        described = scaffold.input(schema, location=location, validation=False)(view)
        view._spec = described._spec  # type: ignore[attr-defined]
        return view

    return decorator


def answers_with(media_types: tuple[str, ...], *problems: int) -> dict[int | str, Any]:
    """The responses of a view that answers with something other than JSON."""
    content: dict[int | str, Any] = {
        200: {"description": "OK", "content": {kind: {} for kind in media_types}}
    }
    return content | {status: {"description": "A problem"} for status in problems}


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """Adds the problem that any route may answer with, and what /predict says of many."""
    schemas = spec["components"]["schemas"]
    schemas["Problem"] = PROBLEM_SCHEMA
    for replaced in ("HTTPError", "ValidationError"):
        schemas.pop(replaced, None)
    stored = schemas["Prediction"]
    answered = {**stored["properties"], "heat_map": HEAT_MAP}
    schemas["Predicted"] = {**stored, "properties": answered}
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                _add_problems(operation["responses"])
    spec["paths"]["/predict"]["post"]["requestBody"]["required"] = True
    predicted = spec["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    predicted["application/json"]["schema"] = {"oneOf": [PREDICTED, SEVERAL]}
    home = spec["paths"]["/"]["get"]["responses"]["200"]["content"]
    home["text/html"] = {"schema": {"type": "string"}}
    return spec


def _add_problems(responses: dict[str, Any]) -> None:
    problem = {PROBLEM_JSON: {"schema": PROBLEM}}
    responses["default"] = {"description": "Any other problem", "content": problem}
    for status, response in responses.items():
        if status.isdecimal() and int(status) >= 400:
            response["content"] = problem


def init_app(app: APIFlask) -> None:
    app.config["VALIDATION_ERROR_DESCRIPTION"] = "A parameter is not valid"
    app.config["AUTO_OPERATION_ID"] = True
    app.config["SPEC_FORMAT"] = "json"
    app.config["JSON_SORT_KEYS"] = False
    app.security_schemes = {
        "Bearer": {"type": "http", "scheme": "bearer"},
        "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    app.description = "Photographs of sports balls in, predictions and their history out."
    app.schema_name_resolver = lambda schema: type(schema).__name__.removesuffix("Out")
    app.spec_processor(complete)  # type: ignore[arg-type]
