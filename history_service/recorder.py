"""Writes what the model said to the history: many predictions in one transaction."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from history_service import pictures
from history_service.answers import Scored
from history_service.batcher import Batcher
from history_service.database import write
from history_service.metrics import Metrics
from history_service.models import Draft, KeyReused, Prediction
from history_service.uploads import Upload

LARGEST = 64  # predictions in one transaction
THREADS = 4  # at most that make thumbnails: a container may have few of the cores that it sees


class Answered(NamedTuple):
    """A picture, the request that brought it, and what the model said of it."""

    upload: Upload
    request_id: str
    answer: Scored


class Recorder:
    """A batch of the model's is one transaction, and where the disk is slow, several are.

    keep: none, thumb or full, what is kept of each picture.
    """

    def __init__(self, metrics: Metrics, keep: str):
        self._metrics = metrics
        self._keep = keep
        self._thumbnails = ThreadPoolExecutor(_threads(), thread_name_prefix="thumbnail")
        self._batcher: Batcher[Draft] = Batcher(self._write, size=LARGEST)

    def record(self, batch: Sequence[Answered], deadline: float) -> list[Prediction | Exception]:
        """What is stored of each, or the exception that stands in its way, in order.

        deadline: in time.monotonic() seconds. Raises TooLate for all of them.
        """
        return self._batcher.run(self._drafts(batch), deadline) if batch else []

    def _drafts(self, batch: Sequence[Answered]) -> list[Draft]:
        if self._keep == "none":
            return [_draft(*one) for one in batch]
        small = self._thumbnails.map(pictures.thumbnail, [one.upload.data for one in batch])
        original = self._keep == "full"
        return [
            _draft(*one, small=s, original=original) for one, s in zip(batch, small, strict=True)
        ]

    def _write(self, drafts: list[Draft]) -> list[Prediction | KeyReused]:
        with write() as session:
            rows = Prediction.record(session, drafts)
        for draft in drafts:
            self._metrics.predictions.labels(draft.predicted_label, draft.model_version).inc()
            if draft.known is False:
                self._metrics.unknown_predictions.labels(draft.model_version).inc()
        return rows


def _threads() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on a Mac
        return min(len(os.sched_getaffinity(0)), THREADS)
    return min(os.cpu_count() or 1, THREADS)


def _draft(
    upload: Upload,
    request_id: str,
    answer: Scored,
    small: bytes | None = None,
    original: bool = False,
) -> Draft:
    """small: the thumbnail to keep; original: whether the file is kept too."""
    return Draft(
        filename=upload.filename,
        predicted_label=answer.label,
        confidence=answer.confidence,
        all_scores=answer.scores,
        model_name=answer.model.name,
        model_version=answer.model.version,
        model_run_id=answer.model.run_id,
        latency_ms=answer.latency_ms,
        request_id=request_id,
        sha256=upload.sha256,
        size_bytes=len(upload.data),
        idempotency_key=upload.idempotency_key,
        part=upload.part,
        known=answer.known,
        unknown_score=answer.unknown_score,
        thumbnail=small,
        original=upload.data if original else None,
        original_type=upload.media_type if original else None,
    )
