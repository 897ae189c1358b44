"""From pictures to stored predictions: asks the model and writes the history, in batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Flask, current_app
from sqlalchemy.orm import Session

from history_service import pictures
from history_service.answers import Scored
from history_service.batcher import Batcher
from history_service.database import db, write
from history_service.metrics import Metrics
from history_service.models import Draft, Prediction
from history_service.scoring import ScoringClient, Timeouts
from history_service.scoring_errors import ModelNonsense, ScoringError
from history_service.served_model import ServedModel
from history_service.uploads import Upload

HISTORY_BATCH = 64  # predictions in one transaction


class Asked(NamedTuple):
    """A picture on its way to the model. deadline: in time.monotonic() seconds."""

    picture: bytes
    deadline: float


class Classifier:
    """Two batchers in a row: while one batch is written to the history, the model has the next."""

    def __init__(self, client: ScoringClient, served_model: ServedModel, metrics: Metrics, config):
        self._client = client
        self._served_model = served_model
        self._metrics = metrics
        self._keep = config["KEEP_IMAGES"]
        self._model: Batcher[Asked] = Batcher(
            self._score,
            size=config["BATCH_MAX"],
            wait_s=config["BATCH_WAIT_MS"] / 1000,
            queue_max=config["QUEUE_MAX"],
            in_flight=config["BATCHES"],
        )
        self._history: Batcher[Draft] = Batcher(self._record, size=HISTORY_BATCH)

    def classify(self, uploads: Sequence[Upload], request_id: str, deadline: float) -> list[Any]:
        """A stored Prediction, or the exception that stands in its way, for each upload in order.

        Raises QueueFull or TooLate for all of them.
        """
        results = self._stored(uploads)
        new = [upload for upload in uploads if upload.part not in results]
        asked = [Asked(upload.data, deadline) for upload in new]
        answers = self._model.run(asked, deadline) if asked else []
        drafts = []
        for upload, answer in zip(new, answers, strict=True):
            results[upload.part] = answer
            if isinstance(answer, Scored):
                drafts.append(self._draft(upload, answer, request_id))
        rows = self._history.run(drafts, deadline) if drafts else []
        for draft, row in zip(drafts, rows, strict=True):
            results[draft.part] = row
        return [results[upload.part] for upload in uploads]

    def _stored(self, uploads: Sequence[Upload]) -> dict[int, Any]:
        """What the history has under the request's Idempotency-Key already, by part."""
        if all(upload.idempotency_key is None for upload in uploads):
            return {}
        # A session of its own: its connection goes back before the model is asked.
        with Session(db.engine, expire_on_commit=False) as session:
            found = {upload.part: Prediction.by_key(session, upload) for upload in uploads}
        return {part: row for part, row in found.items() if row is not None}

    def _score(self, batch: list[Asked]) -> list[Any]:
        """Asks the model; where it chokes on several pictures, one by one, to find the culprit."""
        self._metrics.model_batch_size.observe(len(batch))
        self._metrics.model_queue.set(self._model.waiting)
        try:
            return self._ask([one.picture for one in batch], max(one.deadline for one in batch))
        except ModelNonsense:
            if len(batch) == 1:
                raise
        return [self._score_alone(one) for one in batch]

    def _score_alone(self, one: Asked) -> Any:
        try:
            return self._ask([one.picture], one.deadline)[0]
        except ScoringError as error:
            return error

    def _ask(self, batch: list[bytes], deadline: float) -> list[Any]:
        try:
            with self._metrics.model_seconds.time():
                answers = self._client.score(batch, deadline - time.monotonic())
        except ScoringError as error:
            self._metrics.model_failures.labels(type(error).__name__).inc()
            self._served_model.lost()
            raise
        for answer in answers:
            if isinstance(answer, Scored):
                self._served_model.seen(answer)
                break
        return answers

    def _record(self, drafts: list[Draft]) -> list[Any]:
        with write() as session:
            rows = Prediction.record(session, drafts)
        for draft in drafts:
            self._metrics.predictions.labels(draft.predicted_label, draft.model_version).inc()
            if draft.known is False:
                self._metrics.unknown_predictions.labels(draft.model_version).inc()
        return rows

    def _draft(self, upload: Upload, answer: Scored, request_id: str) -> Draft:
        keeps_all = self._keep == "full"
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
            thumbnail=None if self._keep == "none" else pictures.thumbnail(upload.data),
            original=upload.data if keeps_all else None,
            original_type=upload.media_type if keeps_all else None,
        )


def init_app(app: Flask) -> None:
    """One client, one classifier and one memory of the model for the process."""
    config = app.config
    timeouts = Timeouts(connect_s=config["SCORING_CONNECT_S"], read_s=config["DEADLINE_S"])
    client = ScoringClient(config["SCORING_URL"], timeouts, connections=config["BATCHES"] + 2)
    served_model = ServedModel(client, config["MODEL_REFRESH_S"])
    app.extensions["served_model"] = served_model
    app.extensions["classifier"] = Classifier(
        client, served_model, app.extensions["metrics"], config
    )


def get_classifier() -> Classifier:
    return current_app.extensions["classifier"]


def get_served_model() -> ServedModel:
    return current_app.extensions["served_model"]
