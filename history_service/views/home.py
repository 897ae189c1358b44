"""GET /: JSON for programs, the page for people; and the parts of the page that change."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, make_response, render_template, request, url_for

from history_service.classifier import get_served_model
from history_service.page import history_context, statistics_context
from history_service.schemas import HomeOut

blueprint = APIBlueprint("home", __name__, tag="Model")


@blueprint.get("/")
@blueprint.output(HomeOut)
def home() -> Any:
    """What this service is and which model it serves; a browser gets the page"""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return page()
    return describe()


@blueprint.after_request
def vary(response: Response) -> Response:
    """A cache must not give a program the page, or a browser the JSON."""
    response.vary.add("Accept")
    return response


@blueprint.get("/page/history")
@blueprint.doc(hide=True)
def history() -> str:
    return render_template("history.html", **history_context())


@blueprint.get("/page/statistics")
@blueprint.doc(hide=True)
def statistics() -> str:
    return render_template("statistics.html", **statistics_context())


def page() -> Response:
    charts = statistics_context()
    known = charts["statistics"].summary.by_label if charts["statistics"] else {}
    described = describe()
    labels = sorted({*described["categories"], *known})
    context = {"labels": labels, **described, **history_context(), **charts}
    return make_response(render_template("page.html", **context))


def describe() -> dict[str, Any]:
    state = get_served_model().state()
    return {
        "message": "Photographs of balls in, what they show out.",
        "status": "ok" if state.loaded else "degraded",
        "model_loaded": state.loaded,
        "model": state.identity,
        "categories": state.categories,
        "links": {
            "predict": url_for("predict.predict"),
            "predictions": url_for("predictions.list_predictions"),
            "stats": url_for("stats.show_stats"),
            "categories": url_for("categories.list_categories"),
            "health": url_for("health.summary"),
            "docs": url_for("docs.show_docs"),
            "openapi": url_for("openapi.spec"),
        },
    }
