"""The frame around every stage: options in, an MLflow run around the work, a whole folder out.

A stage's folder is written under a temporary name and renamed when it is complete, so a folder
that has its final name and a `stage.json` is finished. `stage.json` holds the digest by which the
next stages, and the next run of `main`, know what they read.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from steps.shared import options
from steps.shared.alone import FolderTaken, held_alone
from steps.shared.signals import heeding_signals

MANIFEST = "stage.json"
ERROR_TAG = "stage.error"

Work = Callable[[Namespace, Path], dict]
"""Does a stage's work: (options, folder to write) → what to remember of it in stage.json.

The key `files`, the names whose contents make up the digest, is required.
"""


class StageError(Exception):
    """What a person can mend: names what is wrong, where, and what to do."""


def run(
    name: str,
    work: Work,
    argv: list[str] | None = None,
    keep_partial: bool = False,
    system_metrics: bool = False,
) -> None:
    """Run a stage as its command line says, and exit: 0 done, 1 failed, 130 interrupted.

    keep_partial: leave what an earlier, unfinished attempt wrote, for the stage to go on from.
    system_metrics: log processor, memory and disk use while it runs.
    """
    args = options.parse(name, argv)
    with frame(name, args, system_metrics):
        _produce(name, work, args, keep_partial)


@contextmanager
def frame(name: str, args: Namespace, system_metrics: bool = False) -> Iterator[None]:
    """An MLflow run around a stage's work: the one that `mlflow run` made, or a new one.

    Whatever goes wrong ends the run as failed or killed, says why in one line, and exits. A second
    signal, a little after the first, ends the process at once instead; see signals.py.
    """
    quieten()
    with heeding_signals(), _start_run(name, system_metrics) as active:
        try:
            mlflow.set_tag("stage", name)
            mlflow.log_params(_new_params(active.data.params, vars(args)))
            yield
        except KeyboardInterrupt:
            message = "interrupted; the same command goes on from what is finished"
            print(f"{name}: {message}", file=sys.stderr)
            mlflow.set_tag(ERROR_TAG, message)
            mlflow.end_run("KILLED")
            sys.exit(130)
        except Exception as error:
            _report(name, error)
            mlflow.end_run("FAILED")
            sys.exit(1)


def _start_run(name: str, system_metrics: bool) -> mlflow.ActiveRun:
    try:
        return mlflow.start_run(run_name=name, log_system_metrics=system_metrics)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        where = mlflow.get_tracking_uri()
        print(f"{name}: no run can be started at {where}: {reason}", file=sys.stderr)
        sys.exit(1)


def quieten() -> None:
    """Leave the screen to the stages: libraries speak up from warnings on."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for library in ("alembic", "mlflow", "absl"):
        logging.getLogger(library).setLevel(logging.WARNING)


def run_id() -> str:
    """The id of the run around this stage."""
    active = mlflow.active_run()
    if active is None:
        raise RuntimeError("no stage is running")
    return active.info.run_id


def read_manifest(folder: str | Path, of: str = "") -> dict:
    """What a finished stage says of its folder; of: the stage that must have written it, "": any.

    Raises StageError where it is not one, or another's.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise StageError(f"{folder} is not the folder of a finished stage: it has no {MANIFEST}.")
    manifest = read_json(path)
    if of and manifest.get("stage") != of:
        raise StageError(f"{folder} is not a folder of {of}, but of {manifest.get('stage')}.")
    return manifest


def digest(folder: Path, names: Iterable[str]) -> str:
    """SHA-256 over the names and contents of files, or of all files in folders, of `folder`."""
    whole = hashlib.sha256()
    for name in sorted(names):
        entry = folder / name
        paths = sorted(p for p in entry.rglob("*") if p.is_file()) if entry.is_dir() else [entry]
        for path in paths:
            whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def read_json(path: Path) -> dict:
    """The object in a JSON file."""
    return json.loads(path.read_text())


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    os.replace(partial, path)


def _produce(name: str, work: Work, args: Namespace, keep_partial: bool) -> None:
    out = _place(Path(args.out), name)
    partial = out.with_name(out.name + ".partial")
    with _held(partial, out):
        if not keep_partial:
            _empty(partial)
        summary = work(args, partial)
        summary["digest"] = digest(partial, summary.pop("files"))
        summary |= {"stage": name, "run_id": run_id()}
        write_json(partial / MANIFEST, summary)
        mlflow.log_artifact(str(partial / MANIFEST))
        mlflow.set_tags({"stage.digest": summary["digest"], "stage.out": str(out)})
        shutil.rmtree(out, ignore_errors=True)
        os.replace(partial, out)


def _place(out: Path, name: str) -> Path:
    """The folder that is meant. Raises StageError where a finished one cannot take its place."""
    out = out.resolve()  # a link's own folder may be on another disk
    if out.is_mount():
        raise StageError(f"--out {out} is a mount point, which stays: name a folder inside it.")
    if Path.cwd().is_relative_to(out):  # it would stand in a folder that is gone
        raise StageError(f"--out {out} holds the current folder: name one inside it.")
    if out.exists() and not out.is_dir():
        raise StageError(f"--out {out} is a file: name a folder.")
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir()):
        raise StageError(f"--out {out} holds files that no stage wrote; name an empty folder.")
    if (out / MANIFEST).is_file() and (other := read_manifest(out).get("stage")) != name:
        raise StageError(f"--out {out} holds what {other} wrote; name another folder.")
    return out


@contextmanager
def _held(partial: Path, out: Path) -> Iterator[None]:
    try:
        with held_alone(partial):
            yield
    except FolderTaken as error:
        raise StageError(f"another run is writing {out}: wait for it, or name another.") from error


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _new_params(known: dict, wanted: dict) -> dict:
    # `mlflow run` has logged what it was given; a parameter cannot be logged twice.
    return {k: v for k, v in wanted.items() if k not in known}


def _report(name: str, error: Exception) -> None:
    """Say it first: where the disk is full or the server gone, the run cannot hold it."""
    message, trace = str(error), ""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = error.filename or "what it writes"
        message = f"no place is left on the disk for {where}: make room, and run it again."
    elif not isinstance(error, StageError):
        trace = traceback.format_exc()
        message = (
            f"unexpected {type(error).__name__}: {error} "
            f"(details: artefact traceback.txt of run {run_id()})"
        )
    print(f"{name}: {message}", file=sys.stderr)
    with suppress(Exception):
        mlflow.set_tag(ERROR_TAG, message[:4900])
        if trace:
            mlflow.log_text(trace, "traceback.txt")
