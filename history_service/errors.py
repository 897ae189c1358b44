"""Every failure of every route, as application/problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, current_app, g
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from history_service import batcher
from history_service.models import KeyReused
from history_service.patient_socket import TooSlow
from history_service.scoring_errors import ModelDown, ModelNonsense, ModelTooSlow, PictureRefused

PROBLEM_JSON = "application/problem+json"

# What the code of a refused picture, said by the served model, is in HTTP.
REFUSED_PICTURE_STATUS = {
    "empty": 400,
    "not_an_image": 400,
    "damaged": 400,
    "too_many_bytes": 413,
    "too_many_pixels": 413,
}


class Problem(Exception):
    """A failure that a client is told of.

    status: an HTTP status; code: a word for programs that never changes; detail: a sentence for
    people that says what to do; retry_after_s: seconds until another try makes sense.
    """

    def __init__(self, status: int, code: str, detail: str, retry_after_s: float | None = None):
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }

    def response(self, **extra: Any) -> Response:
        body = {**self.body(), "request_id": g.get("request_id"), **extra}
        text = current_app.json.dumps(body)
        response = Response(text, status=self.status, content_type=PROBLEM_JSON)
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(math.ceil(self.retry_after_s))
        return response


DATABASE_DOWN = (503, "database_unavailable", "The history's database does not answer. Try later.")

_FROM_BELOW: tuple[tuple[type[Exception], tuple[int, str, str], float | None], ...] = (
    (ModelDown, (503, "model_unavailable", "The model does not answer. Try later."), 5),
    (ModelTooSlow, (504, "model_too_slow", "The model took too long. Try later."), None),
    (ModelNonsense, (502, "model_bad_answer", "The model gave no usable answer."), None),
    (batcher.QueueFull, (503, "queue_full", "Too many pictures wait for the model."), 1),
    (batcher.TooLate, (504, "model_too_slow", "The request took too long. Try later."), None),
    (
        KeyReused,
        (409, "key_reused", "This Idempotency-Key was used before, with another picture."),
        None,
    ),
    (OperationalError, DATABASE_DOWN, 5),
    (InterfaceError, DATABASE_DOWN, 5),
    (InternalError, DATABASE_DOWN, 5),  # it only reads: a standby, or not yet a primary
    (PoolTimeout, DATABASE_DOWN, 5),
)


def as_problem(error: Exception) -> Problem:
    """The problem that a client is told of for any exception; 500 where nobody foresaw it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, PictureRefused):
        status = REFUSED_PICTURE_STATUS.get(error.code, 400)
        return Problem(status, error.code, error.detail)
    for kind, told, retry_after_s in _FROM_BELOW:
        if isinstance(error, kind):
            return Problem(*told, retry_after_s)
    return Problem(500, "internal_error", "Something went wrong here; it has been logged.")


_HTTP_CODES = {
    400: ("bad_request", "The request is malformed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    408: ("upload_too_slow", "The upload did not arrive in time. Send less at once, or try later."),
    413: ("request_too_large", "The request is larger than this service takes."),
    415: ("unsupported_media_type", "The request's Content-Type is not taken here."),
    429: ("too_many_requests", "Too many requests from this client. Try later."),
}


def _told_of_http(error: HTTPException) -> Problem:
    # What Werkzeug calls a client that is gone may be one that was not waited for any longer.
    status = 408 if isinstance(error.__context__, TooSlow) else error.code or 500
    code, detail = _HTTP_CODES.get(status, (HTTPStatus(status).name.lower(), ""))
    return Problem(status, code, detail or f"{HTTPStatus(status).phrase}.")


def handle_http_exception(error: HTTPException) -> Response:
    """404, 405, 413, 429 and the like, which Flask and its extensions raise."""
    if error.code is not None and error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect
    response = _told_of_http(error).response()
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def handle_exception(error: Exception) -> Response:
    """Everything that is not HTTP's own; only what nobody foresaw is logged with its trace.

    A database that is away fails every request: a trace each would fill the disk in the meantime.
    """
    problem = as_problem(error)
    if problem.status >= 500:
        known = {"reason": _first_line(error)} if problem.status != 500 else {"exc_info": error}
        current_app.extensions["log"].error("request failed", code=problem.code, **known)
    return problem.response()


def _first_line(error: Exception) -> str:
    # Of a database's error only what its driver said: the rest is the statement.
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def handle_invalid(error: HTTPError) -> Response:
    """A parameter that does not fit its declaration: 422, with the fields that are wrong."""
    fields = error.detail if isinstance(error.detail, dict) else {}
    wrong: dict = next(iter(fields.values()), {}) if fields else {}
    names = ", ".join(sorted(str(name) for name in wrong)) or "the request"
    problem = Problem(error.status_code, "invalid_parameter", f"Not valid: {names}.")
    return problem.response(errors=wrong)


def init_app(app: APIFlask) -> None:
    app.register_error_handler(HTTPException, handle_http_exception)
    app.register_error_handler(Exception, handle_exception)
    app.register_error_handler(HTTPError, handle_invalid)
