"""`cleanup`: shows what there is and what it costs to keep, asks, deletes, and purges."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from azure_ml import prices
from azure_ml.arm import GROUPS, WORKSPACES
from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError
from azure_ml.settings import Settings
from azure_ml.setup import OURS

KEEPING = {
    "microsoft.storage/storageaccounts": "by the gigabyte and month",
    "microsoft.containerregistry/registries": "by the day",
    "microsoft.keyvault/vaults": "by the operation: next to nothing",
    "microsoft.insights/components": "by the gigabyte of logs",
    "microsoft.operationalinsights/workspaces": "by the gigabyte of logs",
    "microsoft.machinelearningservices/workspaces": "nothing by itself",
}
"""By the type of a resource: how Azure charges for keeping it."""
CALCULATOR = "https://azure.microsoft.com/pricing/calculator/"


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: Namespace, settings: Settings) -> int:
    """Show, ask, delete."""
    cloud = Cloud(settings)
    group = cloud.arm.get(cloud.group, GROUPS)
    if group is None:
        purge(cloud)
        print(f"cleanup: there is no resource group {settings.resource_group}: nothing is left")
        return 0
    ours = all((group.get("tags") or {}).get(k) == v for k, v in OURS.items())
    print(*inventory(cloud), sep="\n")
    print(f"cleanup: today's prices: {CALCULATOR}; what was spent: the group's cost analysis")
    whole = f"resource group {settings.resource_group} with all that is in it"
    what = whole if ours else f"workspace {settings.workspace} and its own resources"
    if not ours:
        print(f"cleanup: setup did not make {settings.resource_group}, so the group itself stays")
    if not args.yes and not confirmed(settings.resource_group, what):
        print("cleanup: nothing was deleted")
        return 1
    delete_workspace(cloud, with_resources=not ours)
    if ours:
        cloud.arm.delete(cloud.group, GROUPS)
    print(f"cleanup: deleted: {what}; the workspace is purged, so its name is free again")
    return 0


def confirmed(name: str, what: str) -> bool:
    """Ask; only the group's name is a yes."""
    try:
        return input(f"cleanup: to delete {what} for good, type {name}: ").strip() == name
    except EOFError:
        return False


def inventory(cloud: Cloud) -> Iterator[str]:
    """A line for each thing that would go, with what it costs to keep."""
    yield f"cleanup: in resource group {cloud.settings.resource_group}:"
    for item in cloud.arm.items(f"{cloud.group}/resources", GROUPS):
        charged = KEEPING.get(item["type"].lower(), "see its page")
        yield f"  {item['type']:45} {item['name']:35} {charged}"
    try:
        yield from _computes(cloud)
    except ResourceNotFoundError:
        yield f"  the workspace {cloud.settings.workspace} is not among them"


def _computes(cloud: Cloud) -> Iterator[str]:
    for endpoint in cloud.ml.online_endpoints.list():
        for deployment in cloud.ml.online_deployments.list(endpoint.name):
            price = prices.sentence(deployment.instance_type, cloud.settings.location)
            about = f"{deployment.instance_count or 1} × {price}, used or not"
            yield f"  {'online deployment':45} {f'{endpoint.name}/{deployment.name}':35} {about}"
    for cluster in cloud.ml.compute.list(compute_type="amlcompute"):
        least = cluster.min_instances or 0
        price = prices.sentence(cluster.size, cloud.settings.location)
        about = f"{least} × {price}" if least else "nothing while no job runs"
        yield f"  {'cluster':45} {cluster.name:35} {about}"


def delete_workspace(cloud: Cloud, with_resources: bool) -> None:
    """Delete the workspace for good: not soft, or its name and data would stay for 14 days."""
    try:
        print(f"cleanup: deleting workspace {cloud.settings.workspace} …", flush=True)
        cloud.ml.workspaces.begin_delete(
            cloud.settings.workspace,
            delete_dependent_resources=with_resources,
            permanently_delete=True,
        ).result()
    except ResourceNotFoundError:
        purge(cloud)


def purge(cloud: Cloud) -> None:
    """Purge what an earlier, soft deletion of the workspace left; nothing to do is no error."""
    try:
        cloud.arm.delete(cloud.workspace, WORKSPACES, forceToPurge="true")
    except HttpResponseError as error:
        if error.status_code not in (204, 404):
            raise AzureMlError(
                f"{cloud.settings.workspace} may still be soft-deleted, which keeps its name for "
                "14 days: in the portal, Azure Machine Learning → Recently deleted"
            ) from error
