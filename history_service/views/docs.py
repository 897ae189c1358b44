"""GET /docs: the API's description as a page, rendered here from openapi.json."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import current_app, render_template

blueprint = APIBlueprint("docs", __name__, enable_openapi=False)


@blueprint.get("/docs")
def show_docs() -> str:
    return render_template("docs.html", spec=current_app.spec)  # type: ignore[attr-defined]
