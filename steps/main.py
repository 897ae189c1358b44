"""From photographs to a registered model: every stage a child run of one parent run.

A stage's folder is named by what it depends on: parameters, inputs by digest, and code. One that
is there already is finished, and is not repeated.
"""

import hashlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import ExecutionException, MlflowException

from steps.shared import options, recipes, registry, stage
from steps.shared.alone import FolderTaken, held_alone
from steps.shared.code_digest import code_digest
from steps.shared.sources import source_digest
from steps.shared.stage import MANIFEST, StageError

PROJECT = Path(__file__).parents[1]


class Chain:
    """Runs stages one after the other, or finds what an earlier run of them left."""

    def __init__(self, args: Namespace) -> None:
        self.args = args
        self.work = Path(args.work).resolve()

    def run(self, name: str, inputs: dict[str, str], **more: object) -> Path:
        """Run a stage, or find it finished; returns its folder.

        inputs: what it reads, by name, as digests. more: options that are not the user's.
        Raises StageError, naming the stage, where it fails.
        """
        wanted = self._parameters(name) | {k: _text(v) for k, v in more.items()}
        folders = {
            *("work", "data", "photos", "prepared", "model", "verdict", "out"),
            *("teacher", "teacher_data", "corrections"),
        }
        key = _digest(
            {k: v for k, v in wanted.items() if k not in folders},
            inputs,
            code_digest(f"steps.{name}"),
        )
        out = self.work / name / key[:16]
        if self._found(name, out):
            return out
        with claimed(out):
            # Between the look above and here another run may have finished it, and be reading it.
            if not self._found(name, out):
                print(f"main: {name} …", flush=True)
                self._start(name, wanted | {"out": str(out)})
        return out

    def _found(self, name: str, out: Path) -> bool:
        """Whether an earlier run has finished the stage; says so, and notes which it was."""
        if self.args.fresh or not _finished(out):
            return False
        print(f"main: {name} is finished already: {out}")
        mlflow.set_tag(f"found.{name}", stage.read_manifest(out)["run_id"])
        return True

    def _parameters(self, name: str) -> dict[str, str]:
        users = {o.name for o in options.of("main")}
        return {
            o.name: _text(getattr(self.args, o.name)) for o in options.of(name) if o.name in users
        }

    def _start(self, name: str, parameters: dict[str, str]) -> None:
        try:
            # `mlflow run` has made or chosen the environment that this process is in; the
            # stages run in the same one, so a nested run must not make another.
            mlflow.projects.run(
                str(PROJECT),
                name,
                parameters=parameters,
                env_manager="local",
                experiment_id=MlflowClient().get_run(stage.run_id()).info.experiment_id,
                run_name=name,
            )
        except ExecutionException as error:
            raise StageError(f"{name} failed: {_reason()}") from error


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Be the only main that has a stage write `out`, for a `with` block; the stage itself holds the
    folder only while it works. Raises StageError."""
    claim = out.with_name(out.name + ".main")
    try:
        with held_alone(claim):
            try:
                yield
            finally:
                with suppress(OSError):
                    claim.rmdir()
    except FolderTaken as error:
        raise StageError(f"another run of main is writing {out}: wait for it.") from error


def run_stages(args: Namespace) -> dict[str, Path]:
    """All stages in order; returns the folder of each."""
    chain = Chain(args)
    size = args.size or recipes.find(args.network).size
    contents = {name: source_digest(getattr(args, name)) for name in ("source", "corrections")}
    photos = chain.run("ingest", contents)
    prepared = chain.run("dataprep", _digests(photos=photos), photos=photos, size=size)
    data = chain.run("split", _digests(prepared=prepared), prepared=prepared)
    trained = train(chain, photos, data)
    against = rival(args.model_name, stage.read_manifest(trained)["run_id"])
    verdict = chain.run(
        "evaluate",
        _digests(trained=trained, data=data) | {"rival": against},
        model=trained / "model",
        data=data,
        photos=photos,
    )
    registered = chain.run(
        "register",
        _digests(trained=trained, verdict=verdict),
        model=trained / "model",
        verdict=verdict,
    )
    return {
        "ingest": photos,
        "dataprep": prepared,
        "split": data,
        "train": trained,
        "evaluate": verdict,
        "register": registered,
    }


def train(chain: Chain, photos: Path, data: Path) -> Path:
    """The train stage; of a network that learns from a teacher, the teacher's first."""
    teacher = recipes.find(chain.args.network).teacher
    if teacher == "none":
        weights = chain.args.weights
        contents = {"weights": source_digest(weights)} if weights else {}
        return chain.run("train", _digests(data=data) | contents, data=data)
    size = recipes.find(teacher).size
    prepared = chain.run("dataprep", _digests(photos=photos), photos=photos, size=size)
    its_data = chain.run("split", _digests(prepared=prepared), prepared=prepared)
    auto = {o.name: "auto" for o in options.of("train") if o.default == "auto"}
    taught = chain.run(
        "train", _digests(data=its_data), data=its_data, **auto | {"network": teacher}
    )
    return chain.run(
        "train",
        _digests(data=data, taught=taught, its_data=its_data),
        data=data,
        teacher=taught / "model",
        teacher_data=its_data,
    )


def rival(name: str, run_id: str) -> str:
    """The champion, or where it is this very model, whom that was judged against; "none" without.

    So the verdict that made a model champion is found again afterwards.
    """
    champion = registry.by_alias(name, registry.CHAMPION)
    if champion is None:
        return "none"
    if registry.is_of(champion, run_id):
        return champion.tags.get(registry.JUDGED_AGAINST, "none")
    return registry.uri_of(champion)


def report(registered: Path) -> None:
    """Put the outcome into the parent run and print it."""
    outcome = stage.read_manifest(registered)
    version = MlflowClient().get_model_version(outcome["name"], outcome["version"])
    mlflow.set_tag("registered", registry.uri_of(version))
    for name in ("accuracy", "macro_f1", "calibration_error"):
        if name in version.tags:
            mlflow.log_metric(name, float(version.tags[name]))
    print(f"main: {registry.uri_of(version)}: {registry.summary(version)}")
    champion = registry.by_alias(version.name, registry.CHAMPION)
    if outcome["champion"] and champion and champion.version != version.version:
        now = registry.uri_of(champion)
        print(f"main: it was made champion then, and {now} is now; --fresh true judges it anew")


def _digests(**folders: Path) -> dict[str, str]:
    return {name: stage.read_manifest(folder)["digest"] for name, folder in folders.items()}


def _finished(out: Path) -> bool:
    """Whether the folder is whole and the run that wrote it, and its version, are still known."""
    if not (out / MANIFEST).is_file():
        return False
    manifest = stage.read_manifest(out)
    client = MlflowClient()
    try:
        client.get_run(manifest["run_id"])
        if "version" in manifest:
            client.get_model_version(manifest["name"], manifest["version"])
    except MlflowException:
        return False
    return True


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "auto" if value is None else str(value)


def _reason() -> str:
    """What the stage that failed last said of itself."""
    client = MlflowClient()
    parent = client.get_run(stage.run_id()).info
    runs = client.search_runs(
        [parent.experiment_id],
        f"tags.`mlflow.parentRunId` = '{parent.run_id}'",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    error = runs[0].data.tags.get(stage.ERROR_TAG) if runs else None
    return error or "it ended without saying why; its output is above."


def main() -> None:
    """The command."""
    args = options.parse("main")
    # Stages are started as `python`; without an activated environment that is another one.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with stage.frame("main", args):
        folders = run_stages(args)
        stage.write_json(
            Path(args.work) / "latest.json", {name: str(path) for name, path in folders.items()}
        )
        report(folders["register"])


if __name__ == "__main__":
    main()
