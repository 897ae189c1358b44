"""main: two at once neither run a stage twice nor take away what the other reads."""

import mlflow
import pytest

from steps import main
from steps.shared import options, stage
from steps.shared.stage import StageError


@pytest.fixture
def chain(tracking, tmp_path, monkeypatch):
    """A chain whose stages only note that they were started."""
    args = options.parse("main", ["--work", str(tmp_path / "work")])
    chain = main.Chain(args)
    chain.started = []
    monkeypatch.setattr(chain, "_start", lambda name, given: chain.started.append(given["out"]))
    with mlflow.start_run():
        yield chain


def test_a_stage_that_another_main_runs_is_not_started(chain):
    out = chain.run("split", {})

    with main.claimed(out), pytest.raises(StageError, match="another run of main"):
        chain.run("split", {})

    assert chain.started == [str(out)]
    assert not list(out.parent.iterdir()), "no claim stays"


def test_a_stage_that_another_main_has_just_finished_is_found(chain, monkeypatch):
    """It looks a second time, when nobody else can write."""
    looks = iter([False, True])
    monkeypatch.setattr(main, "_finished", lambda out: next(looks))
    monkeypatch.setattr(stage, "read_manifest", lambda out: {"run_id": "of the other"})

    chain.run("split", {})

    assert chain.started == []
    found = mlflow.get_run(stage.run_id()).data.tags["found.split"]
    assert found == "of the other"
