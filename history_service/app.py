"""Builds the application out of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIFlask
from flask_migrate import Migrate  # type: ignore[import-untyped]

from history_service import (
    classifier,
    cli,
    database,
    errors,
    keys,
    limits,
    logs,
    metrics,
    openapi,
    page,
    security,
    tracing,
    views,
)
from history_service.schema_version import MIGRATIONS
from history_service.settings import load_settings


def create_app(config: Mapping[str, Any] | None = None) -> APIFlask:
    """The service as a WSGI application.

    config: settings that go before the environment's. Raises SettingError where one is wrong. The
    database's schema is not touched: schema_version.upgrade(app) does that.
    """
    app = APIFlask(__name__, title="Sports balls", version="1.0", docs_path=None, json_errors=False)
    app.config.update(load_settings(config))
    app.json.sort_keys = False  # type: ignore[attr-defined]  # scores go from likely to unlikely
    # The order is that of a request: first its id and log line, then who it is, then the limits.
    for part in (logs, metrics, errors, keys, limits, security, tracing, database, classifier):
        part.init_app(app)
    Migrate(app, database.db, directory=str(MIGRATIONS))
    for part in (openapi, page, views, cli):
        part.init_app(app)
    return app
