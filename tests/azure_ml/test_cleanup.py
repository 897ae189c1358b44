"""cleanup: shows what it costs to keep, asks, deletes, and leaves no soft-deleted workspace."""

import pytest
from loopback_answers import ML
from loopback_azure import root

RG = "mlops-examen-rg"


def test_cleanup_shows_asks_deletes_and_purges(command, models, monkeypatch):
    models.score = lambda body, deployment: [{"label": "football", "confidence": 0.9}]
    command("deploy")
    monkeypatch.setattr("builtins.input", lambda question: RG)

    done = command("cleanup")

    assert done.status == 0, done.err
    assert "Microsoft.Storage/storageAccounts" in done.out
    assert "1 × 0.39 USD an hour (Standard_DS3_v2 in westeurope), used or not" in done.out
    assert not [k for k in models.resources if f"/resourcegroups/{RG}" in k]
    assert not models.soft_deleted


@pytest.mark.parametrize("answer", ["", "y", "another-rg"])
def test_only_the_groups_name_is_a_yes(command, models, monkeypatch, answer):
    monkeypatch.setattr("builtins.input", lambda question: answer)

    done = command("cleanup")

    assert done.status == 1
    assert "nothing was deleted" in done.out
    assert root(models)


def test_a_group_that_setup_did_not_make_stays(command, models):
    group = next(r for k, r in models.resources.items() if k.endswith(f"/resourcegroups/{RG}"))
    group["tags"] = {}

    done = command("cleanup", "--yes")

    assert done.status == 0, done.err
    assert "so the group itself stays" in done.out
    assert any(k.endswith(f"/resourcegroups/{RG}") for k in models.resources)
    assert not [k for k in models.resources if ML in k]


def test_cleanup_twice_is_no_error(command, models):
    assert command("cleanup", "--yes").status == 0

    done = command("cleanup", "--yes")

    assert done.status == 0
    assert "nothing is left" in done.out


def test_a_soft_deleted_workspace_is_purged(command, azure):
    azure.soft_deleted.add("mlops-sports-ball-ws")

    assert command("cleanup", "--yes").status == 0
    assert not azure.soft_deleted
