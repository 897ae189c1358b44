"""A model's card: what it is, what it is good for and where it is weak, from its own figures."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader

CARD = "card.md"
LONGEST = 5000
"""Characters of a version's description in MLflow's database (SqlModelVersion.description)."""


@dataclass(frozen=True)
class Trust:
    """What was measured besides accuracy."""

    slices: pd.DataFrame
    """see slices.py"""
    robustness: pd.DataFrame | None
    """see trust_tests.py; None: not measured"""
    figures: dict[str, float]
    """shares of strangers that are rejected, and of test photographs that are kept"""


def card(facts: dict, data: dict, verdict: dict, classes: pd.DataFrame, trust: Trust) -> str:
    """The card as Markdown.

    facts: the packed model's. data: split's manifest. verdict: evaluate's, with `metrics`.
    classes: metrics.per_class.
    """
    # Markdown, not HTML: what would be escaped there is text here.
    here = Environment(loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True)  # noqa: S701  # nosec B701
    spoilt = trust.robustness
    return here.get_template("card.md.j2").render(
        facts=facts,
        data=data,
        verdict=verdict,
        figures=verdict["metrics"],
        classes=classes.sort_values("recall").to_dict("records"),
        weakest_category=_weakest(classes),
        weakest=weakest_slices(trust.slices),
        slices=trust.slices.to_dict("records"),
        robustness=[] if spoilt is None else _robustness(spoilt),
    )


def weakest_slices(slices: pd.DataFrame) -> list[dict]:
    """The three slices that are most surely weak: by the upper end of their intervals, because a
    handful of photographs proves nothing."""
    return slices.nsmallest(3, "high").to_dict("records")


def _weakest(classes: pd.DataFrame) -> dict:
    """The category of least recall among those that were tested; {} where none was."""
    tested = classes[classes["support"] > 0]
    return tested.nsmallest(1, "recall").to_dict("records")[0] if len(tested) else {}


def _robustness(table: pd.DataFrame) -> list[dict]:
    return [
        {
            "corruption": name,
            "unit": rows["unit"].iloc[0],
            "steps": ["as they are" if pd.isna(level) else f"{level:g}" for level in rows["level"]],
            "accuracies": list(rows["accuracy"]),
            "count": int(rows["count"].iloc[0]),
        }
        for name, rows in table.groupby("corruption", sort=False)
    ]


def shortened(text: str, longest: int = LONGEST) -> str:
    """A card cut at the end of a section, so that a registry takes it."""
    if len(text) <= longest:
        return text
    note = "\n\n(The whole card is the artefact card.md of the evaluate run.)\n"
    kept = text[: longest - len(note)]
    return kept[: kept.rfind("\n## ")].rstrip() + note
