"""Asks a packed model for its answers on many files, each model in processes of its own.

A model brings its own code under the package name `served_model`; two models in one process would
share the code of whichever was loaded first.
"""

import base64
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
from mlflow.pyfunc import PyFuncModel
from tqdm import tqdm

BATCH = 32


def score(folder: str | Path, paths: Iterable[Path], label: str = "score") -> list[dict]:
    """The model's answer to each file, in order, as the scoring server would give it.

    folder: a packed model on this machine. label: what the progress bar says.
    """
    paths = list(paths)
    chunks = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
    workers = min(os.cpu_count() or 1, len(chunks)) or 1
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) as pool:
        answers = pool.map(partial(_predict, str(folder)), chunks)
        bar = tqdm(answers, total=len(chunks), desc=label, unit="batch")
        return [row for rows in bar for row in rows]


@cache
def _load(folder: str) -> PyFuncModel:
    return mlflow.pyfunc.load_model(folder)


def _predict(folder: str, paths: list[Path]) -> list[dict]:
    texts = [base64.b64encode(path.read_bytes()).decode() for path in paths]
    return _load(folder).predict(pd.DataFrame({"image": texts}))
