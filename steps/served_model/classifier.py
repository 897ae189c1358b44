"""The served model: encoded pictures in; label, confidence, scores and identity out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from mlflow.pyfunc import PythonModel, PythonModelContext

from .base64_text import decode_base64
from .network import Network
from .pictures import PictureError, decode

WARM_UP_CALLS = 2
"""The first call sizes buffers; the second is as fast as the tenth."""


class Classifier(PythonModel):
    """An MLflow pyfunc over an exported network.

    Input: a column `image` of base64 text, any number of rows.
    Output: one dictionary a row, in order: `label`, `confidence`, `scores` (category →
    probability), `model` (name, version, run_id) and `error`. A row that is no usable picture has
    `error` = {code, message} and None for label, confidence and scores.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the network and what belongs to it, and warm it up."""
        facts = json.loads(Path(context.artifacts["facts"]).read_text())
        self.categories: list[str] = facts["categories"]
        self.size: int = facts["size"]
        self.network = Network(context.artifacts["network"])
        self.identity = identity(Path(context.artifacts["facts"]).parents[1], facts)
        for _ in range(WARM_UP_CALLS):
            self.network.probabilities(np.zeros((1, self.size, self.size, 3), np.uint8))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict | None = None
    ) -> list[dict]:
        """Classify every row; see the class."""
        rows = [self._decode(value) for value in model_input["image"]]
        pictures = [row for row in rows if isinstance(row, np.ndarray)]
        scores = iter(self.network.probabilities(np.stack(pictures)) if pictures else ())
        return [
            self._failure(row) if isinstance(row, PictureError) else self._answer(next(scores))
            for row in rows
        ]

    def _decode(self, value: object) -> np.ndarray | PictureError:
        try:
            return decode(decode_base64(value), self.size)
        except PictureError as error:
            return error

    def _answer(self, scores: np.ndarray) -> dict:
        best = int(scores.argmax())
        return {
            "label": self.categories[best],
            "confidence": float(scores[best]),
            "scores": dict(zip(self.categories, scores.tolist(), strict=True)),
            "model": self.identity,
            "error": None,
        }

    def _failure(self, error: PictureError) -> dict:
        return {
            "label": None,
            "confidence": None,
            "scores": None,
            "model": self.identity,
            "error": {"code": error.code, "message": str(error)},
        }


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
