"""Predictions as CSV, a line at a time, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from sqlalchemy.orm import Session

from history_service.database import rfc3339
from history_service.models import Prediction, Selection

COLUMNS = ("id", "created_at", "filename", "predicted_label", "confidence", "model_version")
HEADER = (*COLUMNS, "all_scores", "known", "unknown_score")
KNOWN = {True: "true", False: "false", None: ""}


def csv_lines(session: Session, selection: Selection) -> Iterator[str]:
    """The header, then a line a prediction, newest first; memory use does not grow."""
    pages = selection.pages(session)
    first = next(pages, [])  # before anything is said: it fails where the database is away
    yield _line(HEADER) + _lines(first)
    for rows in pages:
        yield _lines(rows)


def _lines(rows: Iterable[Prediction]) -> str:
    return "".join(_line(_cells(row)) for row in rows)


def _cells(row: Prediction) -> tuple[Any, ...]:
    return (
        row.id,
        rfc3339(row.created_at),
        _harmless(row.filename),
        _harmless(row.predicted_label),
        row.confidence,
        _harmless(row.model_version),
        json.dumps(row.all_scores, ensure_ascii=False),
        KNOWN[row.known],
        row.unknown_score,
    )


def _harmless(text: str) -> str:
    """Spreadsheets run what starts like a formula: a quotation mark in front keeps it text."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _line(cells: tuple[Any, ...]) -> str:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
