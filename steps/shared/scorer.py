"""Asks a packed model for its answers on many files, each model in processes of its own.

A model brings its own code under the package name `served_model`; two models in one process would
share the code of whichever was loaded first.
"""

import base64
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Self

import mlflow.pyfunc
import pandas as pd
from mlflow.pyfunc import PyFuncModel
from tqdm import tqdm

from steps.served_model.pictures import PictureError
from steps.shared.arrays import follow_parent
from steps.shared.photo_file import read
from steps.shared.stage import StageError

BATCH = 32


class Scorer:
    """A packed model in processes that live as long as the `with` block."""

    part = 2000
    """Pictures a file of results: a kill costs no more than these."""

    def __init__(self, folder: str | Path, workers: int = 0) -> None:
        """folder: on this machine. workers: processes; 0 is one a core."""
        self.folder = str(folder)
        # Forked from a process that has imported what follows and does nothing else: a second
        # worker, and a second model, start at once.
        server = multiprocessing.get_context("forkserver")
        server.set_forkserver_preload([__name__])
        self._pool = ProcessPoolExecutor(workers or os.cpu_count(), server, follow_parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def score(
        self,
        pictures: Iterable[Path | str | bytes],
        label: str = "score",
        change: Callable[[bytes], bytes] | None = None,
        explain: bool = False,
    ) -> list[dict]:
        """The model's answer to each picture, in order, as the scoring server would give it.

        pictures: files, by path or by what they hold. label: what the progress bar says; "": none.
        change: done to each file first. explain: with heat maps. Where a file is not there, or
        the system does not give it, the answer's `error` has the code not_found or unreadable.
        """
        pictures = list(pictures)
        chunks = [pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH)]
        answers = self._pool.map(partial(_predict, self.folder, change, explain), chunks)
        bar = tqdm(answers, total=len(chunks), desc=label, unit="batch", disable=not label)
        return [row for rows in bar for row in rows]

    def require(
        self,
        pictures: Iterable[Path | str | bytes],
        label: str,
        change: Callable[[bytes], bytes] | None = None,
    ) -> list[dict]:
        """As `score`. Raises StageError for a refused picture: no answer is not a wrong one."""
        pictures = list(pictures)
        answers = self.score(pictures, label, change)
        failed = [i for i, answer in enumerate(answers) if answer["error"]]
        if failed:
            first, why = pictures[failed[0]], answers[failed[0]]["error"]["message"]
            which = "" if isinstance(first, bytes) else f"{first}: "
            raise StageError(
                f"pictures of {label} without an answer: {len(failed):,}, first {which}{why}"
            )
        return answers


def score(
    folder: str | Path, pictures: Iterable[Path | str | bytes], label: str = "score"
) -> list[dict]:
    """The answers of a model that is asked only once; see `Scorer.score`."""
    pictures = list(pictures)
    workers = min(os.cpu_count() or 1, -(-len(pictures) // BATCH)) or 1
    with Scorer(folder, workers) as scorer:
        return scorer.score(pictures, label)


@cache
def _load(folder: str) -> PyFuncModel:
    # To compare its requirements with every installed package takes longer than all the rest.
    return mlflow.pyfunc.load_model(folder, suppress_warnings=True)


def _predict(
    folder: str,
    change: Callable[[bytes], bytes] | None,
    explain: bool,
    pictures: list[Path | str | bytes],
) -> list[dict]:
    files = [p if isinstance(p, bytes) else _content(Path(p)) for p in pictures]
    sent = [b"" if isinstance(file, PictureError) else file for file in files]
    texts = [base64.b64encode(change(f) if change and f else f).decode() for f in sent]
    params = {"explain": True} if explain else None
    answers: list[dict] = _load(folder).predict(pd.DataFrame({"image": texts}), params)
    for file, answer in zip(files, answers, strict=True):
        if isinstance(file, PictureError):  # the model has seen an empty file in its place
            answer["error"] = {"code": file.code, "message": str(file)}
    return answers


def _content(path: Path) -> bytes | PictureError:
    try:
        return read(path)
    except PictureError as error:
        return error
    except (FileNotFoundError, NotADirectoryError):
        return PictureError("not_found", "There is no such file.")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return PictureError("unreadable", f"The file cannot be read: {reason}.")
