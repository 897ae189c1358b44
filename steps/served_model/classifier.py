"""The served model: encoded pictures in; label, confidence, scores and identity out."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from mlflow.pyfunc import PythonModel, PythonModelContext

from .base64_text import decode_base64
from .confidence import KEPT, Familiar, probabilities
from .network import Network
from .pictures import PictureError, decode
from .room import TOGETHER, Room

WARM_UP_CALLS = 2
"""The first call sizes buffers; the second is as fast as the tenth."""

MUCH = 64 * 1024
"""Characters of base64 text a picture from which on threads gain more than they cost."""

DECODERS = 8
"""Threads that decode, at most: a container may have few of the cores that it sees."""

ANSWER = (
    "label",
    "confidence",
    "scores",
    "known",
    "unknown_score",
    "heat_map",
    "model",
    "error",
)


class Classifier(PythonModel):
    """An MLflow pyfunc over an exported network.

    Input: a column `image` of base64 text, any number of rows; parameters `explain` and `as_json`
    (each dictionary as JSON text, for callers whose columns are flat).
    Output: one dictionary a row, in order: `label`, `confidence`, `scores` (category →
    probability), `known` and `unknown_score` (see confidence.py; None for a model that was not
    trained here), `heat_map` (rows of floats, each place's part in the label's logit; None unless
    asked for by `explain`, or where the network has none), `model` (name, version, run_id) and
    `error`. A row that is no usable picture has `error` = {code, message} and None elsewhere.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the network and what belongs to it, and warm it up."""
        facts = json.loads(Path(context.artifacts["facts"]).read_text())
        self.categories: list[str] = facts["categories"]
        self.size: int = facts["size"]
        self.temperature: float = facts["temperature"]
        self.familiar = Familiar(facts["strangeness"]) if facts["strangeness"] else None
        self.network = Network(context.artifacts["network"], facts["mirror"])
        self.identity = identity(Path(context.artifacts["facts"]).parents[1], facts)
        self.decoders = ThreadPoolExecutor(_threads(), thread_name_prefix="decode")
        self.room = Room(TOGETHER)
        for _ in range(WARM_UP_CALLS):
            self.network.run(np.zeros((1, self.size, self.size, 3), np.uint8))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict | None = None
    ) -> list[dict] | list[str]:
        """Classify every row; see the class."""
        rows = self._decode_all(model_input["image"].tolist())
        pictures = [row for row in rows if isinstance(row, np.ndarray)]
        asked = params or {}
        explain = bool(asked.get("explain"))
        answers = iter(self._answers(np.stack(pictures), explain) if pictures else ())
        found = [
            self._failure(row) if isinstance(row, PictureError) else next(answers) for row in rows
        ]
        return [json.dumps(answer) for answer in found] if asked.get("as_json") else found

    def _decode_all(self, values: Sequence[object]) -> list[np.ndarray | PictureError]:
        """On all cores where there is much to do: Pillow decodes without the interpreter's lock."""
        if len(values) > 1 and sum(map(_length, values)) >= MUCH * len(values):
            return list(self.decoders.map(self._decode, values))
        return [self._decode(value) for value in values]

    def _decode(self, value: object) -> np.ndarray | PictureError:
        try:
            return decode(decode_base64(value), self.size, room=self.room.taken)
        except PictureError as error:
            return error

    def _answers(self, pictures: np.ndarray, explain: bool) -> list[dict]:
        outputs = self.network.run(pictures)
        maps = outputs.maps if explain else None
        unknown = self.familiar.unknown_scores(outputs.logits) if self.familiar else None
        answers = []
        for i, scores in enumerate(probabilities(outputs.logits, self.temperature)):
            best = int(scores.argmax())
            score = None if unknown is None else float(unknown[i])
            answers.append(
                self._answer(
                    label=self.categories[best],
                    confidence=float(scores[best]),
                    scores=dict(zip(self.categories, scores.tolist(), strict=True)),
                    known=None if score is None else score <= KEPT,
                    unknown_score=score,
                    heat_map=None if maps is None else maps[i, :, :, best].tolist(),
                )
            )
        return answers

    def _failure(self, error: PictureError) -> dict:
        return self._answer(error={"code": error.code, "message": str(error)})

    def _answer(self, **values: object) -> dict:
        return dict.fromkeys(ANSWER) | {"model": self.identity} | values


def _threads() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on a Mac
        return min(len(os.sched_getaffinity(0)), DECODERS)
    return min(os.cpu_count() or 1, DECODERS)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


def identity(folder: Path, facts: dict) -> dict:
    """Who answers: name, version (None for a model outside a registry) and run id.

    MLflow leaves `registered_model_meta` in the folder of a model that came from a registry.
    """
    meta = folder / "registered_model_meta"
    registered = yaml.safe_load(meta.read_text()) if meta.is_file() else {}
    version = registered.get("model_version")
    return {
        "name": registered.get("model_name", facts["name"]),
        "version": None if version is None else str(version),
        "run_id": facts["run_id"],
    }
