"""Health: alive (the process), ready (it can answer), and a summary for people."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from history_service.classifier import get_served_model
from history_service.database import read
from history_service.errors import DATABASE_DOWN, Problem
from history_service.schemas import HealthOut, ReadyIn, StatusOut
from history_service.scoring_errors import ModelDown

blueprint = APIBlueprint("health", __name__, tag="Health", url_prefix="/health")


@blueprint.get("")
@blueprint.output(HealthOut)
def summary() -> dict[str, Any]:
    """How the service, its model and its database are; always 200"""
    state = get_served_model().state()
    database = database_answers()
    status = "ok" if state.loaded and database else "degraded"
    return {
        "status": status,
        "model_loaded": state.loaded,
        "database": database,
        "model": state.identity,
    }


@blueprint.get("/live")
@blueprint.output(StatusOut)
def live() -> dict[str, str]:
    """The process answers, whatever the model and the database do"""
    return {"status": "alive"}


@blueprint.get("/ready")
@blueprint.input(ReadyIn, location="query")
@blueprint.output(StatusOut)
@blueprint.doc(responses=[422, 503])
def ready(query_data: dict[str, bool]) -> dict[str, str]:
    """The model and the database answer; or the database alone, by `model=false`"""
    if not database_answers():
        raise Problem(*DATABASE_DOWN, retry_after_s=5)
    if query_data["model"] and not get_served_model().state().loaded:
        raise ModelDown
    return {"status": "ready"}


def database_answers() -> bool:
    try:
        read().execute(text("SELECT 1"))
    except SQLAlchemyError:
        read().rollback()
        return False
    return True
