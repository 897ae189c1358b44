"""`run`: submits a pipeline, shows where to look, streams its progress, ends with its status."""

import io
from argparse import ArgumentParser, Namespace
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, cast

import yaml
from azure.ai.ml import load_job
from azure.ai.ml.entities import PipelineJob
from azure.ai.ml.exceptions import JobException, MlException
from azure.core.exceptions import ResourceNotFoundError

from azure_ml import assets, graph
from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError
from azure_ml.settings import Settings

if TYPE_CHECKING:
    from steps.shared.recipes import Recipe

DONE = "Completed"
INTERRUPTED = 130
MODELS = "python -m azure_ml models"
TRAIN_WITH_BEST = (
    "the studio has the trials of its step sweep; with the best one's values: "
    "python -m azure_ml run -P network=… -P learning_rate=… -P weight_decay=… -P dropout=…"
)
"""What comes after a pipeline, and after a sweep, which registers no model."""


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--sweep", action="store_true", help="look for better settings: azure_ml/sweep.yaml"
    )
    parser.add_argument(
        "-P",
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input of the pipeline, like epochs=20; several times for several",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--sample", action="store_true", help="rendered pictures: no upload needed")
    source.add_argument("--data", help="NAME:VERSION or NAME@latest of another data asset")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--gpu", action="store_true", help="train on the GPU cluster")
    where.add_argument("--distributed", action="store_true", help="train on two machines")
    parser.add_argument("--no-stream", action="store_true", help="submit, and do not wait")


def run(args: Namespace, settings: Settings) -> int:
    """Submit, stream, and return 0 where the job completed."""
    file = chosen(args)
    wanted = described(file, args, settings)
    found = graph.problems(wanted, file.parent)
    if found:
        raise AzureMlError(f"{file.name}: {found[0]}")
    cloud = Cloud(settings)
    if not args.sample:
        require_asset(cloud, wanted["inputs"]["photographs"]["path"])
    job = cloud.ml.jobs.create_or_update(as_job(wanted, file))
    print(f"run: {job.name}: {job.studio_url}", flush=True)
    if args.no_stream:
        return 0
    return follow(cloud, job.name, TRAIN_WITH_BEST if args.sweep else MODELS)


def chosen(args: Namespace) -> Path:
    """The file of the pipeline that is asked for. Raises AzureMlError for what no file does."""
    network = _given(args.parameter).get("network")
    teacher = recipe_of(network).teacher if network else "none"
    if teacher == "none":
        return assets.FOLDER / ("sweep.yaml" if args.sweep else "pipeline.yaml")
    if args.sweep:
        raise AzureMlError(
            f"--sweep -P network={network}: the sweep trains no teacher; sweep the teacher's "
            f"network, {teacher}, or run without --sweep"
        )
    return assets.FOLDER / "distill.yaml"


def described(file: Path, args: Namespace, settings: Settings) -> dict:
    """The pipeline's file with what the command line and the settings say instead.

    Raises AzureMlError for a parameter that is none of the pipeline's.
    """
    text = yaml.safe_load(file.read_text())
    text["settings"]["default_compute"] = f"azureml:{settings.cluster}"
    inputs = text["inputs"]
    asset = args.data or f"{settings.photographs}@latest"
    inputs["photographs"]["path"] = f"azureml:{asset.removeprefix('azureml:')}"
    if "model_name" in inputs:
        inputs["model_name"] = settings.model
    _set_parameters(inputs, args.parameter)
    if args.sample:
        del inputs["photographs"], text["jobs"]["ingest"]["inputs"]["source"]
    for step in text["jobs"].values():
        if "search_space" in step:  # the file's own suits its default network alone
            step["search_space"] = search_space(inputs["network"], step["search_space"])
    if args.gpu or args.distributed:
        _train_elsewhere(text["jobs"], args, settings)
    return text


def search_space(network: str, names: Container[str]) -> dict:
    """What a sweep tries for a network: some of what `tune` would, around the same recipe.

    names: what is searched. Raises AzureMlError for an unknown network.
    """
    from steps.shared import search_space as searching  # it imports Optuna, which takes a second

    recipe = recipe_of(network)
    own = searching.own_of(recipe)
    return {
        # As text, since the component takes text: "auto" is a value, too.
        r.name: {"type": "choice", "values": [f"{v:g}" for v in searching.choices(r, own[r.name])]}
        for r in searching.ranges(recipe, taught=False)
        if r.name in names
    }


def _train_elsewhere(jobs: dict[str, dict], args: Namespace, settings: Settings) -> None:
    variant = "train_gpu" if args.gpu else "train_distributed"
    for step in jobs.values():
        key = "trial" if "trial" in step else "component"
        if step[key] != "components/train.yaml":
            continue
        step[key] = f"components/{variant}.yaml"
        if args.gpu:
            step["compute"] = f"azureml:{settings.gpu_cluster}"


def _given(parameters: list[str]) -> dict[str, str]:
    return dict(p.partition("=")[::2] for p in parameters)


def _set_parameters(inputs: dict, parameters: list[str]) -> None:
    given = _given(parameters)
    known = [name for name in inputs if name != "photographs"]
    for name, value in given.items():
        if name not in known:
            raise AzureMlError(f"-P {name}: the pipeline has no such input: {', '.join(known)}")
        inputs[name] = yaml.safe_load(value) if not isinstance(inputs[name], str) else value
    for network, size in (("network", "size"), ("teacher", "teacher_size")):
        if network in given and size not in given:
            inputs[size] = recipe_of(given[network]).size


def recipe_of(network: str) -> "Recipe":
    """How a network is trained. Raises AzureMlError for an unknown one."""
    from steps.shared import recipes, stage  # they import MLflow, which takes seconds

    try:
        return recipes.find(network)
    except stage.StageError as error:
        raise AzureMlError(str(error)) from error


def as_job(wanted: dict, file: Path) -> PipelineJob:
    """The pipeline as azure-ai-ml knows it; relative paths count from `file`."""
    job = load_job(io.StringIO(yaml.safe_dump(wanted)), relative_origin=str(file))
    return cast(PipelineJob, job)


def require_asset(cloud: Cloud, path: str) -> None:
    """Raise AzureMlError where a data asset, azureml:NAME@LABEL or azureml:NAME:VERSION, is not."""
    asset = path.removeprefix("azureml:")
    name, _, label = asset.partition("@")
    name, _, version = name.partition(":")
    try:
        cloud.ml.data.get(name, version=version or None, label=None if version else label)
    except (ResourceNotFoundError, MlException) as error:
        raise AzureMlError(
            f"there is no data asset {asset} in {cloud.settings.workspace}: "
            "python -m azure_ml upload DATA makes it, or python -m azure_ml run --sample needs none"
        ) from error


def follow(cloud: Cloud, name: str, then: str) -> int:
    """Print a job's progress until it ends; returns 0 where it completed, and says what comes then.

    Raises AzureMlError where it did not complete.
    """
    try:
        cloud.ml.jobs.stream(name)
    except JobException:
        pass  # its own message is a page of JSON; what follows says it in a line
    except KeyboardInterrupt:
        print(f"\nrun: {name} goes on without us: az ml job stream --name {name}, or job cancel")
        return INTERRUPTED
    job = cloud.ml.jobs.get(name)
    if job.status == DONE:
        print(f"run: {name} {job.status.lower()}: {then}")
        return 0
    raise AzureMlError(f"{name} {str(job.status).lower()}: {why(cloud, job)}")


def why(cloud: Cloud, job: PipelineJob) -> str:
    """Which step did not complete, and what it says of itself."""
    for child in cloud.ml.jobs.list(parent_job_name=job.name):
        if child.status in ("Failed", "Canceled", "NotResponding"):
            said = (child.tags or {}).get("stage.error") or (child.properties or {}).get("error")
            return f"{child.display_name}: {said or 'see its logs'}: {child.studio_url}"
    return f"no step says why: {job.studio_url}"
