"""What the served model answers, checked field by field before anything else sees it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from history_service.scoring_errors import REFUSALS, ModelNonsense, PictureRefused

HeatMap = list[list[float]]
"""Rows of a map over the whole picture, h x w: what each place adds to the label's logit."""

LONGEST_NAME = 200  # characters that the history has room for


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered. version: the registry's, or a stand-in where it has none."""

    name: str
    version: str
    run_id: str


@dataclass(frozen=True)
class Scored:
    """What the model says of one picture. scores: category → share in [0, 1], likely ones first.

    categories: in the model's own order; latency_ms: of the call that brought the answer.
    known: False where the picture looks like none of the categories; unknown_score: in [0, 1], the
    share of validation photographs that look more like one. Both None by a model that cannot tell.
    heat_map: why this label; None where nobody asked or the model cannot say.
    """

    label: str
    confidence: float
    scores: dict[str, float]
    categories: tuple[str, ...]
    model: ModelIdentity
    latency_ms: float = 0.0
    known: bool | None = None
    unknown_score: float | None = None
    heat_map: HeatMap | None = None


def read_answer(data: bytes, expected: int, latency_ms: float) -> list[Scored | PictureRefused]:
    """The scoring server's body as one result a picture, in order.

    expected: how many pictures were asked about. Raises ModelNonsense where it cannot be used.
    """
    try:
        rows = json.loads(data)["predictions"]
        if len(rows) != expected:
            raise ModelNonsense(f"{len(rows)} rows for {expected} pictures")
        return [_read_row(row, latency_ms) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ModelNonsense("not a prediction") from error


def _read_row(row: dict[str, Any], latency_ms: float) -> Scored | PictureRefused:
    if row["error"] is not None:
        code = row["error"]["code"]
        if code not in REFUSALS:
            raise ModelNonsense("unknown refusal")
        return PictureRefused(code)
    scores = {name: _share(score) for name, score in row["scores"].items()}
    if row["label"] not in scores or len(row["label"]) > LONGEST_NAME:
        raise ModelNonsense("a label that is no category")
    _require_storable("".join(scores))
    return Scored(
        label=row["label"],
        confidence=_share(row["confidence"]),
        scores=dict(sorted(scores.items(), key=lambda item: -item[1])),
        categories=tuple(scores),
        model=_read_identity(row["model"]),
        latency_ms=latency_ms,
        known=_read_known(row.get("known")),
        unknown_score=_read_unknown_score(row.get("unknown_score")),
        heat_map=_read_heat_map(row.get("heat_map")),
    )


def _share(value: Any) -> float:
    share = float(value)
    if not math.isfinite(share) or not -1e-6 <= share <= 1 + 1e-6:
        raise ModelNonsense("a score outside 0 to 1")
    return min(max(share, 0.0), 1.0)


def _read_known(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ModelNonsense("`known` is neither true nor false")
    return value


def _read_unknown_score(value: Any) -> float | None:
    return None if value is None else _share(_number(value))


def _read_heat_map(value: Any) -> HeatMap | None:
    if value is None:
        return None
    rows = [[_number(one) for one in row] for row in value]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or 0 in widths:
        raise ModelNonsense("a heat map that is no rectangle")
    return rows


def _number(value: Any) -> float:
    # JSON's true and "0.5" would pass as numbers in Python.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ModelNonsense("not a number")
    return float(value)


def _require_storable(text: str) -> None:
    if "\0" in text:
        raise ModelNonsense("a name that PostgreSQL does not take")
    text.encode()  # a lone half of a surrogate pair is a UnicodeEncodeError, which is a ValueError


def _read_identity(model: dict[str, Any]) -> ModelIdentity:
    run_id = str(model.get("run_id") or "")
    version = model.get("version")
    shown = str(version) if version is not None else run_id[:8] or "unregistered"
    name = str(model.get("name") or "model")
    _require_storable(name + shown + run_id)
    return ModelIdentity(name[:LONGEST_NAME], shown[:LONGEST_NAME], run_id[:64])
