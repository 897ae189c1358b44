"""Versions and aliases, also on a server that knows no aliases."""

import warnings

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from steps import serve
from steps.shared import registry
from steps.shared.stage import StageError

NAME = "balls"


@pytest.fixture
def without_aliases(monkeypatch):
    """A server like Azure ML's: everything of the registry but aliases."""

    def refuse(*_, **__):
        raise MlflowException("404 Not Found: no such route")

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", refuse)
    monkeypatch.setattr(MlflowClient, "get_model_version_by_alias", refuse)


def test_a_server_without_aliases_is_told_by_tags(house, tracking, without_aliases):
    source = house.model.as_uri()
    run_id = mlflow.MlflowClient().create_run(mlflow.get_experiment_by_name("tests").experiment_id)
    versions = [
        registry.create_version(NAME, source, run_id.info.run_id, "text", {}) for _ in range(2)
    ]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for version in versions:
            registry.give_alias(version, "champion")

    assert "the tag champion=true says it" in str(caught[0].message)
    assert str(registry.by_alias(NAME, "champion").version) == "2"
    assert registry.by_alias(NAME, "challenger") is None


def test_an_alias_is_resolved_alike_everywhere_also_without_aliases(
    house, register, without_aliases
):
    uri = f"models:/{NAME}@challenger"
    with pytest.warns(UserWarning, match="takes no aliases"):
        register(house.model)

    assert registry.fetch(uri).uri == serve.pin(uri, NAME) == f"models:/{NAME}/1"
    with pytest.warns(UserWarning, match="takes no aliases"):
        outcome = register(uri)
    assert outcome.run.data.tags["registered"] == f"models:/{NAME}/1"


def test_a_folder_names_no_version(house, tracking):
    assert registry.version_at(str(house.model)) is None


def test_a_registry_that_fails_is_not_one_without_a_champion(tracking, monkeypatch):
    def fail(*_, **__):
        raise MlflowException("connection reset")

    monkeypatch.setattr(MlflowClient, "get_model_version_by_alias", fail)
    monkeypatch.setattr(MlflowClient, "search_model_versions", fail)

    with pytest.raises((StageError, MlflowException), match="connection reset"):
        registry.by_alias(NAME, "champion")
