"""Puts a folder into the workspace's blob store, file by file; what is there already is left."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from azure.ai.ml import MLClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient
from tqdm import tqdm

from azure_ml.errors import AzureMlError

CONNECTIONS = 8


def container(ml: MLClient, credential: TokenCredential) -> ContainerClient:
    """The container of the workspace's default datastore: by its key, or else by the login."""
    store = ml.datastores.get_default(include_secrets=True)
    secrets = store.credentials
    secret = getattr(secrets, "account_key", None) or getattr(secrets, "sas_token", None)
    url = f"{store.protocol}://{store.account_name}.blob.{store.endpoint}"
    return ContainerClient(url, store.container_name, credential=secret or credential)


def upload(target: ContainerClient, folder: Path, names: Iterable[Path], prefix: str) -> int:
    """Upload folder/name as prefix/name for each name; returns how many were not there yet.

    A blob appears whole or not at all, so one of the right size is one of ours that is finished:
    `prefix` must name the contents. Raises AzureMlError where the login may not write.
    """
    try:
        there = {blob.name: blob.size for blob in target.list_blobs(name_starts_with=prefix)}
        wanted = {f"{prefix}/{name.as_posix()}": folder / name for name in names}
        missing = {
            name: path for name, path in wanted.items() if there.get(name) != path.stat().st_size
        }
        _send(target, missing)
    except HttpResponseError as error:
        if error.status_code == 403:
            raise AzureMlError(
                f"the storage account {target.account_name} refuses to be written: az role "
                'assignment create --assignee YOU --role "Storage Blob Data Contributor" --scope '
                "RESOURCE-GROUP"
            ) from error
        raise
    return len(missing)


def _send(target: ContainerClient, files: dict[str, Path]) -> None:
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        jobs = [pool.submit(_put, target, name, path) for name, path in files.items()]
        for job in tqdm(as_completed(jobs), "upload", len(jobs), unit="file", disable=not jobs):
            job.result()
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure the rest need not be tried


def _put(target: ContainerClient, name: str, path: Path) -> None:
    with path.open("rb") as file:
        target.upload_blob(name, file, length=path.stat().st_size, overwrite=True)
