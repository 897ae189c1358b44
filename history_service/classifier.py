"""From pictures to stored predictions: asks the model and writes the history, in batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from flask import Flask, current_app
from sqlalchemy.orm import Session

from history_service.answers import HeatMap, Scored
from history_service.batcher import Batcher, TooLate
from history_service.database import db
from history_service.limits import waiting_max
from history_service.metrics import Metrics
from history_service.models import Prediction
from history_service.recorder import Answered, Recorder
from history_service.scoring import ScoringClient, Timeouts
from history_service.scoring_errors import ModelDown, ModelNonsense, ScoringError
from history_service.served_model import ServedModel
from history_service.uploads import Upload

CALL_BYTES = 8 * 1024 * 1024  # of several pictures in one call: each byte is there five times
EXPLAINED_BATCH = 4  # pictures in one explained call: others have the model's cores soon again


class Asked(NamedTuple):
    """A picture on its way to the model. deadline: in time.monotonic() seconds.

    stored: what an earlier request under the same key has stored of it; it is only explained.
    """

    upload: Upload
    request_id: str
    deadline: float
    stored: Prediction | None = None


class Classified(NamedTuple):
    """A stored prediction; heat_map: where one was asked for, and the model could say why."""

    prediction: Prediction
    heat_map: HeatMap | None


class Classifier:
    """While one batch is written to the history, the model has the next.

    What is to be explained has a batcher of its own in front of the model: nobody else's picture
    is explained by the way, or waits in the queue behind one that is.
    """

    def __init__(self, client: ScoringClient, served_model: ServedModel, metrics: Metrics, config):
        self._client = client
        self._served_model = served_model
        self._metrics = metrics
        self._recorder = Recorder(metrics, config["KEEP_IMAGES"])
        self._model: Batcher[Asked] = Batcher(
            partial(self._score, explain=False),
            size=config["BATCH_MAX"],
            wait_s=config["BATCH_WAIT_MS"] / 1000,
            queue_max=config["QUEUE_MAX"],
            in_flight=config["BATCHES"],
            finish=self._store,
            weigh=_bytes,
            heaviest=CALL_BYTES,
        )
        self._explainer: Batcher[Asked] = Batcher(
            partial(self._score, explain=True),
            size=EXPLAINED_BATCH,
            queue_max=waiting_max(config),
            finish=self._store,
            weigh=_bytes,
            heaviest=CALL_BYTES,
        )

    def classify(
        self, uploads: Sequence[Upload], request_id: str, deadline: float, explain: bool = False
    ) -> list[Classified | Exception]:
        """What is stored of each upload, or the exception that stands in its way, in order.

        explain: asks for heat maps; of what was stored before under its key, for nothing else.
        Raises QueueFull or TooLate for all of them.
        """
        rows = self._stored(uploads)
        asked = [
            Asked(upload, request_id, deadline, rows.get(upload.part))
            for upload in uploads
            if upload.part not in rows or (explain and isinstance(rows[upload.part], Prediction))
        ]
        batcher = self._explainer if explain else self._model
        results = batcher.run(asked, deadline) if asked else []
        found = dict(zip((one.upload.part for one in asked), results, strict=True))
        return [found.get(one.part) or _told(rows[one.part]) for one in uploads]

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
                answers = self._client.score([one.upload.data for one in batch], left_s, explain)
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

    def _store(self, batch: list[Asked], answers: Sequence[Any]) -> list[Classified | Exception]:
        """Writes what is new to the history. What comes too late for its request is not stored."""
        now = time.monotonic()
        new = {
            i: Answered(one.upload, one.request_id, answer)
            for i, (one, answer) in enumerate(zip(batch, answers, strict=True))
            if isinstance(answer, Scored) and one.stored is None and one.deadline > now
        }
        deadline = max(one.deadline for one in batch)
        rows = dict(zip(new, self._recorder.record(list(new.values()), deadline), strict=True))
        return [
            _told(rows.get(i, one.stored or TooLate()), answer)
            for i, (one, answer) in enumerate(zip(batch, answers, strict=True))
        ]


def _bytes(asked: Asked) -> int:
    return len(asked.upload.data)


def _told(row: Any, answer: Any = None) -> Classified | Exception:
    """row: what is stored of an upload, or why not; answer: the model's, or why not; or None."""
    for problem in (answer, row):
        if isinstance(problem, Exception):
            return problem
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
