"""The model registry: versions, aliases, and how to find a model by folder or URI.

Only calls that a plain MLflow server and Azure ML's both answer are needed; where a server has no
aliases, a tag on the version says the same.
"""

import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from steps.shared.stage import StageError

CHAMPION, CHALLENGER = "champion", "challenger"
JUDGED_AGAINST = "judged_against"
"""The tag that says whom a version was measured against: models:/NAME/NUMBER, or none."""
SAMPLE = "sample"
"""The tag of a version whose pictures were rendered: true or false."""
NAMED = re.compile(r"models:/([^/@]+)(?:/(\d+)|@(.+))")


@dataclass(frozen=True)
class PackedModel:
    """A packed model in a folder of this machine."""

    folder: Path
    uri: str

    @property
    def facts(self) -> dict:
        """categories, size, run_id and name, as the model was packed with."""
        return json.loads((self.folder / "artifacts" / "facts.json").read_text())


def fetch(uri: str) -> PackedModel:
    """Find a model by folder, runs:/… or models:/…; downloads where needed.

    Raises StageError where there is none, or where it is not one that this project packed.
    """
    version = version_at(uri)
    if version:  # an alias is a question that not every server answers
        uri = uri_of(version)
    try:
        folder = Path(uri) if Path(uri).is_dir() else Path(mlflow.artifacts.download_artifacts(uri))
    except (MlflowException, OSError) as error:
        raise StageError(f"no model at {uri}: {_first_line(error)}") from error
    if not (folder / "artifacts" / "facts.json").is_file():
        raise StageError(f"{uri} is not a model that this project packed: no artifacts/facts.json.")
    return PackedModel(folder, uri)


def fetch_or_champion(uri: str | None, name: str) -> PackedModel:
    """The model at `uri`, or without one the champion of `name`; raises as `fetch`."""
    return fetch(uri or f"models:/{name}@{CHAMPION}")


def version_at(uri: str) -> ModelVersion | None:
    """The version that models:/NAME/NUMBER or models:/NAME@ALIAS names; None for any other URI.

    Raises StageError where the registry has no such version.
    """
    named = NAMED.fullmatch(uri)
    if named is None:
        return None
    name, number, alias = named.groups()
    try:
        client = MlflowClient()
        version = by_alias(name, alias) if alias else client.get_model_version(name, number)
    except MlflowException as error:
        raise StageError(f"no model at {uri}: {_first_line(error)}") from error
    if version is None:
        raise StageError(
            f"there is no {uri} in the registry: `mlflow run .` makes one where its gate is passed."
        )
    return version


def by_alias(name: str, alias: str) -> ModelVersion | None:
    """The version that carries an alias, or on servers without aliases the tag; else None."""
    try:
        return MlflowClient().get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE":  # it knows aliases, but not this one
            return None
        return _by_tag(name, alias)


def by_run(name: str, run_id: str) -> ModelVersion | None:
    """The newest version of the model that a run trained; None where it is not registered."""
    made = [v for v in _versions(name) if is_of(v, run_id)]
    return max(made, key=lambda v: int(v.version), default=None)


def create_version(
    name: str, source: str, run_id: str, description: str, tags: dict[str, str]
) -> ModelVersion:
    """Register the model at the artefact URI `source` as the next version of `name`."""
    client = MlflowClient()
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(
        name, source, run_id=run_id, tags=tags, description=description
    )


def update_version(version: ModelVersion, description: str, tags: dict[str, str]) -> None:
    """Say something else of a version: its description, and these of its tags."""
    client = MlflowClient()
    client.update_model_version(version.name, version.version, description)
    for tag, value in tags.items():
        client.set_model_version_tag(version.name, version.version, tag, value)


def is_of(version: ModelVersion, run_id: str) -> bool:
    """Whether a version is the model that a run trained; not every server keeps version.run_id."""
    return run_id in (version.run_id, version.tags.get("run_id"))


def uri_of(version: ModelVersion) -> str:
    """models:/NAME/NUMBER."""
    return f"models:/{version.name}/{version.version}"


def summary(version: ModelVersion) -> str:
    """The sentences above the card in a version's description."""
    return str(version.description).partition("\n\n")[0]


def give_alias(version: ModelVersion, alias: str) -> None:
    """Move an alias to a version, and say it as a tag too; a server without aliases warns."""
    client = MlflowClient()
    before = by_alias(version.name, alias)
    try:
        client.set_registered_model_alias(version.name, alias, version.version)
    except MlflowException as error:
        warnings.warn(
            f"this server takes no aliases ({_first_line(error)}); the tag {alias}=true says it",
            stacklevel=2,
        )
    client.set_model_version_tag(version.name, version.version, alias, "true")
    if before and before.version != version.version:
        client.set_model_version_tag(before.name, before.version, alias, "false")


def _by_tag(name: str, alias: str) -> ModelVersion | None:
    marked = [v for v in _versions(name) if v.tags.get(alias) == "true"]
    return max(marked, key=lambda v: int(v.version), default=None)


def _versions(name: str) -> list[ModelVersion]:
    try:
        return list(MlflowClient().search_model_versions(f"name = '{name}'"))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND"):
            return []
        raise  # a registry that fails is not one without versions


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
