"""Starts MLflow's scoring server on the model at MODEL_PATH: a folder, models:/… or runs:/….

With --fetch FOLDER it only brings the model there and ends: for a container that runs before the
server and shares the folder with it.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import mlflow
import yaml
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server

GRACE_S = 25
"""Longest time for requests in flight once the server is asked to stop."""


def find(uri: str) -> Path:
    """The model's folder, downloaded where it is elsewhere; ends where there is none."""
    folder = Path(uri)
    if not folder.is_dir() and ":/" in uri:
        folder = download(uri)
    if not (folder / "MLmodel").is_file():
        stop(
            f"MODEL_PATH={uri} has no file MLmodel: mount or bake a model there, or name models:/…"
        )
    return folder


def download(uri: str) -> Path:
    """A model of the tracking server's, in a folder of its own. Ends where that cannot be."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        stop(f"MODEL_PATH={uri} needs MLFLOW_TRACKING_URI, the server to fetch it from.")
    try:
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=tempfile.mkdtemp()))
    except (MlflowException, OSError) as error:
        stop(f"no model at MODEL_PATH={uri}: {str(error).strip().splitlines()[0][:300]}")


def stop(reason: str) -> NoReturn:
    """End with one line."""
    sys.exit(f"model server: {reason}")


def described(folder: Path) -> str:
    """Name and version, where the model came from a registry."""
    meta = folder / "registered_model_meta"
    known = yaml.safe_load(meta.read_text()) if meta.is_file() else {}
    return f"{known['model_name']} version {known['model_version']}" if known else str(folder)


def bring(folder: Path, target: Path) -> None:
    """Copy what is in a folder into another, which may belong to somebody else, as volumes do."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.copytree(path, target / path.name, dirs_exist_ok=True)
        else:
            shutil.copy(path, target / path.name)


def serve(folder: Path) -> NoReturn:
    """Become the scoring server, so that signals reach it and not a program around it."""
    command, environment = scoring_server.get_cmd(
        str(folder),
        port=int(os.environ.get("PORT", "5001")),
        host=os.environ.get("HOST", "127.0.0.1"),
        nworkers=int(os.environ.get("MLFLOW_MODELS_WORKERS", "1")),
    )
    command += f" --no-access-log --timeout-graceful-shutdown {GRACE_S}"
    os.execve(sys.executable, [sys.executable, "-m", *shlex.split(command)], environment)  # noqa: S606


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="serve_model.py", description=__doc__)
    parser.add_argument("--fetch", type=Path, metavar="FOLDER", help="bring the model there, end")
    args = parser.parse_args()
    folder = find(os.environ.get("MODEL_PATH", "/model"))
    print(f"model server: {described(folder)}", flush=True)
    if args.fetch:
        bring(folder, args.fetch)
    else:
        serve(folder)


if __name__ == "__main__":
    main()
