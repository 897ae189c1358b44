"""One JSON line a request on standard output, and the id that a request is known by."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response, current_app, g, request

_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = ("/health", "/metrics", "/static")  # asked every few seconds by machines


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    if g:
        event["request_id"] = g.get("request_id")
    return event


def make_logger(level: str):
    """A logger of JSON lines. No line may hold a picture, a key or a query string."""
    return structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_request_id,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )


def start_request() -> None:
    """Takes the caller's X-Request-ID where it is decent, or makes one."""
    g.started = time.monotonic()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _ID_PATTERN.fullmatch(given) else uuid4().hex


def end_request(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    level = "debug" if request.path.startswith(_QUIET) else "info"
    log = current_app.extensions["log"]
    getattr(log, level)(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=round((time.monotonic() - g.started) * 1000, 2),
        client=g.get("client"),
    )
    return response


def init_app(app: Flask) -> None:
    app.extensions["log"] = make_logger(app.config["LOG_LEVEL"])
    app.before_request(start_request)
    app.after_request(end_request)
