"""`download`: the champion's folder, or another version's, ready to be served."""

import shutil
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from azure_ml import registry
from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError
from azure_ml.settings import Settings


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--version", help="of the model; without it, the champion")
    parser.add_argument("--out", default="work/champion", help="folder to write")


def run(args: Namespace, settings: Settings) -> int:
    """Download whole or not at all, and say how to serve it."""
    out = Path(args.out)
    if out.exists() and not (out / "MLmodel").is_file() and any(out.iterdir()):
        raise AzureMlError(f"--out {out} holds files that are no model: name another folder")
    cloud = Cloud(settings)
    model = registry.find(cloud, args.version)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="downloading-") as scratch:
        cloud.ml.models.download(model.name, model.version, download_path=scratch)
        found = sorted(Path(scratch).rglob("MLmodel"))
        if not found:
            raise AzureMlError(f"{model.name} version {model.version} is no MLflow model")
        shutil.rmtree(out, ignore_errors=True)
        found[0].parent.rename(out)
    print(f"download: {model.name} version {model.version}: {out}")
    print(f"download: serve it: MODEL_PATH={out} python -m steps.serve")
    print(f"download: or alone: mlflow models serve --env-manager local --model-uri {out}")
    return 0
