"""GET /metrics: for Prometheus."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST

from history_service.openapi import answers_with

blueprint = APIBlueprint("metrics", __name__, tag="Health")


@blueprint.get("/metrics")
@blueprint.doc(responses=answers_with(("text/plain",)))
def show_metrics() -> Response:
    """Metrics of all worker processes, in Prometheus' text format"""
    return Response(
        current_app.extensions["metrics"].exposition(), content_type=CONTENT_TYPE_LATEST
    )
