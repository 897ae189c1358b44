"""`upload`: the photographs as a versioned data asset, named by their contents."""

import re
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data
from azure.core.exceptions import ResourceNotFoundError

from azure_ml import blobs
from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError
from azure_ml.settings import Settings
from steps.ingest import find_photographs
from steps.shared import sources, stage
from steps.shared.stage import StageError


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("data", help="a folder category/*.jpg, a .zip or .tar of one, or kaggle:…")
    parser.add_argument("--by-category", action="store_true", help="also one asset a category")


def run(args: Namespace, settings: Settings) -> int:
    """Upload what is missing, and register the asset."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = sources.locate(args.data, Path(scratch))
            names = find_photographs(folder)
        except StageError as error:
            raise AzureMlError(str(error).replace("--source ", "")) from error
        version = contents(folder, names)
        cloud = Cloud(settings)
        prefix = f"photographs/{version}"
        target = blobs.container(cloud.ml, cloud.credential)
        sent = blobs.upload(target, folder, names, prefix)
    print(f"upload: {sent:,} of {len(names):,} files sent; the others were there")
    where = f"azureml://datastores/workspaceblobstore/paths/{prefix}"
    count = len({name.parts[0] for name in names})
    about = f"{len(names):,} photographs in {count} categories"
    register(cloud, settings.photographs, version, f"{where}/", about)
    if args.by_category:
        for category in sorted({name.parts[0] for name in names}):
            mine = [name for name in names if name.parts[0] == category]
            asset = f"{settings.photographs}-{re.sub('[^a-zA-Z0-9_-]', '_', category)}"
            about = f"{len(mine):,} photographs of {category}"
            register(cloud, asset, contents(folder, mine), f"{where}/{category}/", about)
    print("upload: next: python -m azure_ml run")
    return 0


def contents(folder: Path, names: list[Path]) -> str:
    """12 hexadecimal digits of the SHA-256 over names and contents: the asset's version."""
    return stage.digest(folder, map(str, names))[:12]


def register(cloud: Cloud, name: str, version: str, path: str, about: str) -> None:
    """Register a version of a data asset unless it is there."""
    try:
        cloud.ml.data.get(name, version)
        print(f"upload: azureml:{name}:{version} is there")
    except ResourceNotFoundError:
        asset = Data(
            name=name, version=version, path=path, type=AssetTypes.URI_FOLDER, description=about
        )
        cloud.ml.data.create_or_update(asset)
        print(f"upload: azureml:{name}:{version}: {about}")
