"""From pictures to stored predictions: asks the model and writes the history, in batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from flask import Flask, current_app
from sqlalchemy.orm import Session

from history_service import pictures
from history_service.answers import HeatMap, Scored
from history_service.batcher import Batcher
from history_service.database import db, write
from history_service.metrics import Metrics
from history_service.models import Draft, Prediction
from history_service.scoring import ScoringClient, Timeouts
from history_service.scoring_errors import ModelDown, ModelNonsense, ScoringError
from history_service.served_model import ServedModel
from history_service.uploads import Upload

HISTORY_BATCH = 64  # predictions in one transaction
EXPLAINED_BATCH = 4  # pictures in one explained call: others have the model's cores soon again


class Asked(NamedTuple):
    """A picture on its way to the model. deadline: in time.monotonic() seconds."""

    picture: bytes
    deadline: float


class Classified(NamedTuple):
    """A stored prediction; heat_map: where one was asked for, and the model could say why."""

    prediction: Prediction
    heat_map: HeatMap | None


class Classifier:
    """Two batchers in a row: while one batch is written to the history, the model has the next.

    What is to be explained has a batcher of its own in front of the model: nobody else's picture
    is explained by the way, or waits in the queue behind one that is.
    """

    def __init__(self, client: ScoringClient, served_model: ServedModel, metrics: Metrics, config):
        self._client = client
        self._served_model = served_model
        self._metrics = metrics
        self._keep = config["KEEP_IMAGES"]
        self._model: Batcher[Asked] = Batcher(
            partial(self._score, explain=False),
            size=config["BATCH_MAX"],
            wait_s=config["BATCH_WAIT_MS"] / 1000,
            queue_max=config["QUEUE_MAX"],
            in_flight=config["BATCHES"],
        )
        self._explainer: Batcher[Asked] = Batcher(
            partial(self._score, explain=True),
            size=EXPLAINED_BATCH,
            queue_max=max(config["THREADS"] // 4, 1),  # who waits holds a thread that others need
        )
        self._history: Batcher[Draft] = Batcher(self._record, size=HISTORY_BATCH)

    def classify(
        self, uploads: Sequence[Upload], request_id: str, deadline: float, explain: bool = False
    ) -> list[Classified | Exception]:
        """What is stored of each upload, or the exception that stands in its way, in order.

        explain: asks for heat maps; of what was stored before under its key, for nothing else.
        Raises QueueFull or TooLate for all of them.
        """
        rows = self._stored(uploads)
        new = [upload for upload in uploads if upload.part not in rows]
        old = [upload for upload in uploads if isinstance(rows.get(upload.part), Prediction)]
        answers = self._answers([*new, *old] if explain else new, deadline, explain)
        drafts = [
            self._draft(upload, answer, request_id)
            for upload in new
            if isinstance(answer := answers[upload.part], Scored)
        ]
        stored = self._history.run(drafts, deadline) if drafts else []
        rows.update(zip((draft.part for draft in drafts), stored, strict=True))
        return [_result(rows.get(one.part), answers.get(one.part)) for one in uploads]

    def _answers(self, uploads: list[Upload], deadline: float, explain: bool) -> dict[int, Any]:
        """What the model says of each, or the exception that stands in its way, by part."""
        if not uploads:
            return {}
        asked = [Asked(upload.data, deadline) for upload in uploads]
        answers = (self._explainer if explain else self._model).run(asked, deadline)
        return dict(zip((upload.part for upload in uploads), answers, strict=True))

    def _stored(self, uploads: Sequence[Upload]) -> dict[int, Any]:
        """What the history has under the request's Idempotency-Key already, by part."""
        if all(upload.idempotency_key is None for upload in uploads):
            return {}
        # A session of its own: its connection goes back before the model is asked.
        with Session(db.engine, expire_on_commit=False) as session:
            found = {upload.part: Prediction.by_key(session, upload) for upload in uploads}
        return {part: row for part, row in found.items() if row is not None}

    def _score(self, batch: list[Asked], explain: bool) -> list[Any]:
        """Asks the model; where it chokes on several pictures, one by one, to find the culprit."""
        self._metrics.model_batch_size.observe(len(batch))
        self._metrics.model_queue.set(self._model.waiting + self._explainer.waiting)
        try:
            return self._ask(batch, explain)
        except ModelNonsense:
            if len(batch) == 1:
                raise
        return [self._score_alone(one, explain) for one in batch]

    def _score_alone(self, one: Asked, explain: bool) -> Any:
        try:
            return self._ask([one], explain)[0]
        except ScoringError as error:
            return error

    def _ask(self, batch: list[Asked], explain: bool) -> list[Any]:
        left_s = max(one.deadline for one in batch) - time.monotonic()
        try:
            with self._metrics.model_seconds.time():
                answers = self._client.score([one.picture for one in batch], left_s, explain)
        except ScoringError as error:
            self._metrics.model_failures.labels(type(error).__name__).inc()
            # A model that only fails to explain still classifies: the service stays ready.
            if not explain or isinstance(error, ModelDown):
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


def _result(row: Any, answer: Any) -> Classified | Exception:
    """row: what is stored of an upload, or why not; answer: the model's, or why not; or None."""
    if not isinstance(row, Prediction):
        return answer if row is None else row
    if isinstance(answer, Exception):
        return answer
    return Classified(row, answer.heat_map if answer and _is_of(row, answer) else None)


def _is_of(row: Prediction, answer: Scored) -> bool:
    """Whether the answer is what was stored: another model's map explains another prediction."""
    stored = (row.predicted_label, row.model_version, row.model_run_id)
    return stored == (answer.label, answer.model.version, answer.model.run_id)


def init_app(app: Flask) -> None:
    """One client, one classifier and one memory of the model for the process."""
    config = app.config
    timeouts = Timeouts(connect_s=config["SCORING_CONNECT_S"], read_s=config["DEADLINE_S"])
    client = ScoringClient(config["SCORING_URL"], timeouts, connections=config["BATCHES"] + 3)
    served_model = ServedModel(client, config["MODEL_REFRESH_S"])
    app.extensions["served_model"] = served_model
    app.extensions["classifier"] = Classifier(
        client, served_model, app.extensions["metrics"], config
    )


def get_classifier() -> Classifier:
    return current_app.extensions["classifier"]


def get_served_model() -> ServedModel:
    return current_app.extensions["served_model"]
