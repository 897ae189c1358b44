"""One blueprint a resource; a view is a declaration and a few lines."""

from __future__ import annotations

from apiflask import APIFlask

from history_service.views import (
    categories,
    docs,
    health,
    home,
    metrics,
    predict,
    predictions,
    stats,
)


def init_app(app: APIFlask) -> None:
    for module in (home, predict, predictions, stats, categories, health, metrics, docs):
        app.register_blueprint(module.blueprint)
