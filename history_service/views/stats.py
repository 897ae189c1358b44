"""GET /stats: sums over the history, out of the roll-ups."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import current_app

from history_service.classifier import get_served_model
from history_service.database import read
from history_service.models import Summary
from history_service.schemas import SpanIn, StatsOut

blueprint = APIBlueprint("stats", __name__, tag="Statistics")


@blueprint.get("/stats")
@blueprint.input(SpanIn, location="query")
@blueprint.output(StatsOut)
@blueprint.doc(responses=[422, 503])
def show_stats(query_data: dict[str, datetime]) -> dict[str, Any]:
    """Sums over all predictions, or those of a span of whole hours"""
    summary = Summary.of(read(), **query_data)
    width = 1 / len(summary.confidence_histogram)
    low = current_app.config["UNSURE_BELOW"]
    return {
        "total_predictions": summary.total,
        "unknown_predictions": summary.unknown,
        "average_confidence": summary.average_confidence,
        "predictions_per_category": summary.by_label,
        "predictions_per_day": summary.by_day,
        "predictions_per_model_version": summary.by_version,
        "confidence_histogram": [
            {"above": round(i * width, 2), "up_to": round((i + 1) * width, 2), "count": count}
            for i, count in enumerate(summary.confidence_histogram)
        ],
        "low_confidence_below": low,
        "low_confidence_share": summary.share_below(low),
        "model_latency_ms": {
            "p50": summary.latency_quantile(0.5),
            "p95": summary.latency_quantile(0.95),
        },
        "model_loaded": get_served_model().state().loaded,
        "since": summary.since,
        "until": summary.until,
    }
