"""GET /categories: what the served model tells apart."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from history_service.classifier import get_served_model
from history_service.schemas import CategoriesOut
from history_service.scoring_errors import ModelDown

blueprint = APIBlueprint("categories", __name__, tag="Model")


@blueprint.get("/categories")
@blueprint.output(CategoriesOut)
@blueprint.doc(responses=[503])
def list_categories() -> dict[str, Any]:
    """The categories of the served model, in its own order"""
    state = get_served_model().state()
    if not state.loaded:
        raise ModelDown
    return {"categories": state.categories, "count": len(state.categories)}
