"""The engine `spark` of score: what scorer.Scorer answers, worked out by Spark's workers."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import mlflow.pyfunc
from mlflow.models import get_model_info

from steps.shared import spark
from steps.shared.picture_list import exists
from steps.shared.stage import StageError

AS_JSON = {"as_json": True}
"""An answer as text: MLflow's conversion to Spark's types cannot take a row that failed."""


class SparkScorer:
    """A packed model on every worker of a Spark session, by mlflow.pyfunc.spark_udf."""

    part = 20_000
    """Pictures a job: enough for many workers, few enough for the driver to hold their answers."""

    def __init__(self, folder: str | Path) -> None:
        """folder: on this machine; Spark carries it to the workers. Raises StageError."""
        signature = get_model_info(str(folder)).signature
        if not any(param.name in AS_JSON for param in (signature and signature.params) or ()):
            raise StageError("--engine spark needs a model that this version has packed.")
        self._session = spark.session()
        self._answer = mlflow.pyfunc.spark_udf(
            self._session, str(folder), result_type="string", env_manager="local", params=AS_JSON
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the session alone: it may be a cluster's own."""

    def score(self, pictures: Iterable[str | Path], label: str = "") -> list[dict]:
        """The model's answer to each file, in order, as the scoring server would give it.

        pictures: paths that every worker sees, or URIs. A path without a file is answered as an
        empty file is. label: for a progress bar, which Spark has itself.
        """
        from pyspark.sql import functions

        names = [spark.uri_of(path) if exists(path) else "" for path in pictures]
        files = spark.read_files(self._session, {name for name in names if name})
        image = functions.struct(functions.base64("content").alias("image"))
        answers = {
            row.path: json.loads(row.answer)
            for row in files.select("path", self._answer(image).alias("answer")).collect()
        }
        # Spark leaves files without a byte out.
        return [answers.get(name, answers[""]) for name in names]
