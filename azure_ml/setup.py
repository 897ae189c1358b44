"""`setup`: everything that a run needs, from the resource group to the components.

Each step looks first whether it is done, so repeating the command costs nothing and goes on where
an earlier one stopped.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from azure.ai.ml import load_component, load_environment, load_workspace
from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import ResourceNotFoundError

from azure_ml import assets, prices
from azure_ml.arm import DATA_SCIENTIST, GROUPS, give_role, register_provider
from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError, quota_help
from azure_ml.settings import Settings

OURS = {"made-by": "azure_ml-setup"}
"""The tag by which cleanup knows a resource group that setup made."""
PROVIDERS = (
    "Microsoft.MachineLearningServices",
    "Microsoft.Storage",
    "Microsoft.KeyVault",
    "Microsoft.Insights",
    "Microsoft.ContainerRegistry",
)
ROLE = "AzureML Data Scientist"


@dataclass(frozen=True)
class Step:
    """One thing that setup makes: what it is, the az commands that make it, and how we do."""

    what: str
    az: tuple[str, ...]
    do: Callable[[Cloud], str]
    """Makes it unless it is there; returns "made" or "is there"."""


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its az commands")
    parser.add_argument("--gpu", action="store_true", help="a GPU cluster and its environment too")
    parser.add_argument(
        "--low-priority",
        action="store_true",
        help="machines that cost a fraction, and that Azure may take away while a job runs",
    )


def run(args: Namespace, settings: Settings) -> int:
    """Print the plan, or carry it out step by step."""
    kinds = ("cpu", "gpu") if args.gpu else ("cpu",)
    steps = list(plan(settings, kinds, args.low_priority))
    if args.dry_run:
        for number, step in enumerate(steps, 1):
            print(f"{number:2}. {step.what}")
            print(*(f"    {command}" for command in step.az), sep="\n")
    else:
        cloud = Cloud(settings)
        print(f"setup: subscription {cloud.subscription}", flush=True)
        for step in steps:
            print(f"setup: {step.what} …", end=" ", flush=True)
            print(step.do(cloud), flush=True)
    print(f"setup: {costs(settings, kinds, args.low_priority)}")
    if not args.dry_run:
        print("setup: next: python -m azure_ml upload DATA, or python -m azure_ml run --sample")
    return 0


def costs(settings: Settings, kinds: tuple[str, ...], low_priority: bool) -> str:
    """What the clusters cost, in a sentence."""
    sizes = [str(assets.compute(kind).size) for kind in kinds]
    each = "; ".join(prices.sentence(size, settings.location, low_priority) for size in sizes)
    return f"a machine that runs a job costs {each}; an idle cluster costs nothing"


def plan(settings: Settings, kinds: tuple[str, ...], low_priority: bool) -> Iterator[Step]:
    """The steps, in order."""
    group, workspace = settings.scope
    yield Step(
        "resource providers",
        tuple(f"az provider register --namespace {name}" for name in PROVIDERS),
        register_providers,
    )
    yield Step(
        f"resource group {settings.resource_group} in {settings.location}",
        (
            f"az group create --name {settings.resource_group} --location {settings.location} "
            f"--tags {' '.join(f'{k}={v}' for k, v in OURS.items())}",
        ),
        make_group,
    )
    yield Step(
        f"workspace {settings.workspace}",
        (
            f"az ml workspace create --file azure_ml/workspace.yaml {group} "
            f"--name {settings.workspace} --location {settings.location}",
        ),
        make_workspace,
    )
    for kind in kinds:
        yield _cluster(settings, kind, low_priority)
    for kind in kinds:
        file = assets.environment_file(kind)
        yield Step(
            f"environment {load_environment(file).name}",
            (f"az ml environment create --file {assets.shown(file)} {group} {workspace}",),
            partial(make_environment, kind=kind),
        )
    files = [f for f in assets.component_files() if _runs_on(f.stem, kinds)]
    yield Step(
        f"components {', '.join(file.stem for file in files)}",
        tuple(
            f"az ml component create --file {assets.shown(file)} {group} {workspace}"
            for file in files
        ),
        partial(make_components, files=files),
    )


def _runs_on(component: str, kinds: tuple[str, ...]) -> bool:
    """Whether the environment of a component is among those that setup makes."""
    return "gpu" in kinds or not component.endswith("_gpu")


def _cluster(settings: Settings, kind: str, low_priority: bool) -> Step:
    group, workspace = settings.scope
    name = settings.cluster if kind == "cpu" else settings.gpu_cluster
    file = assets.compute_file(kind)
    tier = " --set tier=low_priority" if low_priority else ""
    return Step(
        f"cluster {name} ({assets.compute(kind).size}, 0 machines when idle), role {ROLE} for it",
        (
            f"az ml compute create --file {assets.shown(file)} {group} {workspace} "
            f"--name {name}{tier}",
            f'az role assignment create --role "{ROLE}" --assignee-principal-type '
            f"ServicePrincipal --assignee-object-id $(az ml compute show {group} {workspace} "
            f"--name {name} --query identity.principal_id --output tsv) "
            f"--scope $(az ml workspace show {group} --name {settings.workspace} "
            "--query id --output tsv)",
        ),
        partial(make_cluster, kind=kind, name=name, low_priority=low_priority),
    )


def register_providers(cloud: Cloud) -> str:
    """Let the subscription use what a workspace is made of."""
    for name in PROVIDERS:
        register_provider(cloud.arm, cloud.subscription, name)
    return "registered"


def make_group(cloud: Cloud) -> str:
    """Make the resource group, with the tag that cleanup looks for."""
    if cloud.arm.get(cloud.group, GROUPS) is not None:
        return "is there"
    cloud.arm.put(cloud.group, GROUPS, {"location": cloud.settings.location, "tags": OURS})
    return "made"


def make_workspace(cloud: Cloud) -> str:
    """Make the workspace, with what Azure makes along with it."""
    try:
        cloud.ml.workspaces.get(cloud.settings.workspace)
        return "is there"
    except ResourceNotFoundError:
        workspace = load_workspace(assets.FOLDER / "workspace.yaml")
        workspace.name, workspace.location = cloud.settings.workspace, cloud.settings.location
        cloud.ml.workspaces.begin_create(workspace).result()
        return "made"


def make_cluster(cloud: Cloud, kind: str, name: str, low_priority: bool) -> str:
    """Make a cluster, and let its identity work in the workspace and nowhere else."""
    try:
        cluster, outcome = cloud.ml.compute.get(name), "is there"
    except ResourceNotFoundError:
        wanted = assets.compute(kind)
        wanted.name, wanted.location = name, cloud.settings.location
        if low_priority:
            wanted.tier = "low_priority"
        require_quota(cloud, wanted)
        cluster = cloud.ml.compute.begin_create_or_update(wanted).result()
        outcome = "made"
    if cluster.provisioning_state == "Failed":
        raise AzureMlError(
            f"cluster {name} has failed: see why with az ml compute show --name {name} "
            f"{' '.join(cloud.settings.scope)}, delete it with az ml compute delete, and repeat"
        )
    give_role(cloud.arm, cloud.workspace, DATA_SCIENTIST, cluster.identity.principal_id)
    return outcome


def require_quota(cloud: Cloud, cluster: AmlCompute) -> None:
    """Raise AzureMlError where the quota is below one machine: its jobs would wait for ever."""
    location, name = cloud.settings.location, str(cluster.size)
    known = [vars(size) for size in cloud.ml.compute.list_sizes(location=location)]
    size = next((s for s in known if s["name"].lower() == name.lower()), None)
    if size is None:
        raise AzureMlError(
            f"{location} has no {name}: az ml compute list-sizes --location {location} shows what "
            "it has; change `size` in azure_ml/compute.yaml"
        )
    low = cluster.tier == "low_priority"
    counted = ("lowpriority",) if low else (_plain(size["family"]), "totalclusterdedicated")
    for usage in map(vars, cloud.ml.compute.list_usage(location=location)):
        limit, free = usage["limit"], usage["limit"] - usage["currentValue"]
        counts = any(word in _plain(usage["name"]["value"]) for word in counted)
        if counts and limit >= 0 and free < size["vCPUs"]:
            raise AzureMlError(
                f"the quota is too small: {name} needs {size['vCPUs']} cores, and {free} of "
                f"{limit} are free in {location}: {quota_help(location)}"
            )


def _plain(text: str) -> str:
    # "standardFSv2Family" of a size is "Standard FSv2 Family Cluster Dedicated vCPUs" of a quota.
    return re.sub(r"[^a-z0-9]", "", text.lower())


def make_environment(cloud: Cloud, kind: str) -> str:
    """Register an environment; Azure builds the image when a job first needs it."""
    environment = load_environment(assets.environment_file(kind))
    environment.version = assets.environment_version(kind)
    try:
        cloud.ml.environments.get(environment.name, environment.version)
        return "is there"
    except ResourceNotFoundError:
        cloud.ml.environments.create_or_update(environment)
        return "made"


def make_components(cloud: Cloud, files: list) -> str:
    """Register each component whose code or description is not there yet."""
    made = 0
    for file in files:
        component = load_component(file)
        version = assets.component_version(file)
        try:
            cloud.ml.components.get(component.name, version)
        except ResourceNotFoundError:
            cloud.ml.components.create_or_update(component, version=version)
            made += 1
    return f"{made} made" if made else "are there"
