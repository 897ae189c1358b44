"""`deploy`: the champion behind an endpoint on Azure, answering at once or file by file.

Online, two colours take turns: the new version is set up beside the one that answers, is asked
once, and only then gets the traffic. The old one is deleted unless it is to be kept; while it is
there, --back gives the traffic back to it, and --drop-idle deletes it.
"""

import json
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from azure.ai.ml import (
    load_batch_deployment,
    load_batch_endpoint,
    load_online_deployment,
    load_online_endpoint,
)
from azure.ai.ml.entities import Model, OnlineEndpoint
from azure.core.exceptions import ResourceNotFoundError

from azure_ml import assets, prices, registry
from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError
from azure_ml.settings import Settings

COLOURS = ("blue", "green")
FILES = assets.FOLDER / "endpoints"


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--version", help="of the model; without it, the champion")
    parser.add_argument("--batch", action="store_true", help="a batch endpoint on the cluster")
    parser.add_argument(
        "--keep", action="store_true", help="keep the old colour; it costs the same"
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        "--back", action="store_true", help="traffic back to the colour that was kept"
    )
    after.add_argument("--drop-idle", action="store_true", help="delete the colour without traffic")


def run(args: Namespace, settings: Settings) -> int:
    """Deploy online or for batches, or go back, or delete what was kept."""
    cloud = Cloud(settings)
    if args.back:
        return go_back(cloud)
    if args.drop_idle:
        return drop_idle(cloud)
    model = registry.find(cloud, args.version)
    if args.batch:
        return deploy_batch(cloud, model)
    return deploy_online(cloud, model, args.keep)


def deploy_online(cloud: Cloud, model: Model, keep: bool) -> int:
    """Set up the colour that is not answering, ask it, switch, and delete the other."""
    endpoint = online_endpoint(cloud)
    old = live(endpoint)
    new = next(colour for colour in COLOURS if colour != old)
    wanted = load_online_deployment(FILES / "online_deployment.yaml")
    wanted.name, wanted.endpoint_name, wanted.model = new, endpoint.name, reference(model)
    price = prices.sentence(str(wanted.instance_type), cloud.settings.location)
    print(
        f"deploy: {endpoint.name}/{new}: {model.name} version {model.version}: {price} …",
        flush=True,
    )
    cloud.ml.online_deployments.begin_create_or_update(wanted).result()
    print(f"deploy: {new} answers {ask(cloud, endpoint.name, new, model)}", flush=True)
    switch(cloud, endpoint, new)
    if old and not keep:
        delete(cloud, endpoint, old)
    elif old:
        back, drop = (f"python -m azure_ml deploy {flag}" for flag in ("--back", "--drop-idle"))
        print(f"deploy: {old} is kept: {back} gives it the traffic, {drop} deletes it")
    az, where = "az ml online-endpoint", f"-n {endpoint.name} {' '.join(cloud.settings.scope)}"
    print(f"deploy: {endpoint.scoring_uri}; its key: {az} get-credentials {where}")
    print(f"deploy: to end the cost: {az} delete {where}")
    return 0


def online_endpoint(cloud: Cloud) -> OnlineEndpoint:
    """The endpoint, made if need be."""
    name = cloud.settings.online_endpoint
    try:
        return cloud.ml.online_endpoints.get(name)
    except ResourceNotFoundError:
        wanted = load_online_endpoint(FILES / "online.yaml")
        wanted.name = name
        return cloud.ml.online_endpoints.begin_create_or_update(wanted).result()


def live(endpoint: OnlineEndpoint) -> str | None:
    """The colour with the most traffic, or None before the first deployment."""
    traffic = {colour: share for colour, share in (endpoint.traffic or {}).items() if share}
    return max(traffic, key=lambda colour: traffic[colour], default=None)


def ask(cloud: Cloud, endpoint: str | None, colour: str, model: Model) -> str:
    """Send the model's own example to one colour; returns what it says, shortened.

    Raises AzureMlError where it does not answer as a model does: the traffic stays where it is.
    """
    with tempfile.TemporaryDirectory() as scratch:
        cloud.ml.models.download(model.name, model.version, download_path=scratch)
        example = next(Path(scratch).rglob("serving_input_example.json"), None)
        if example is None:
            raise AzureMlError(f"{model.name} version {model.version} has no example to ask with")
        request = Path(scratch) / "request.json"
        frame = json.loads(example.read_text())
        request.write_text(json.dumps({"input_data": frame["dataframe_split"]}))
        said = cloud.ml.online_endpoints.invoke(
            endpoint, request_file=str(request), deployment_name=colour
        )
    try:
        (answer,) = json.loads(said)
        return f"{answer['label']} ({answer['confidence']:.0%})"
    except (ValueError, KeyError, TypeError) as error:
        raise AzureMlError(
            f"{colour} does not answer as a model: {said[:200]}; the traffic stays: az ml "
            f"online-deployment get-logs -n {colour} -e {endpoint} {' '.join(cloud.settings.scope)}"
        ) from error


def switch(cloud: Cloud, endpoint: OnlineEndpoint, colour: str) -> None:
    """Give all traffic to one colour."""
    endpoint.traffic = {colour: 100}
    cloud.ml.online_endpoints.begin_create_or_update(endpoint).result()
    print(f"deploy: all traffic goes to {colour}", flush=True)


def go_back(cloud: Cloud) -> int:
    """Give the traffic to the colour that was kept. Raises AzureMlError where there is none."""
    endpoint = cloud.ml.online_endpoints.get(cloud.settings.online_endpoint)
    now = live(endpoint)
    kept = [d.name for d in cloud.ml.online_deployments.list(endpoint.name) if d.name != now]
    if not kept:
        raise AzureMlError(
            f"{endpoint.name} has only {now}: deploy --version NUMBER sets up another"
        )
    switch(cloud, endpoint, kept[0])
    return 0


def drop_idle(cloud: Cloud) -> int:
    """Delete what gets no traffic; a repetition finds nothing to do.

    Raises AzureMlError where no colour gets any: which one is to stay is not known.
    """
    endpoint = cloud.ml.online_endpoints.get(cloud.settings.online_endpoint)
    if live(endpoint) is None:
        raise AzureMlError(f"{endpoint.name} has no colour with traffic: deploy sets one up")
    names = [str(d.name) for d in cloud.ml.online_deployments.list(endpoint.name)]
    idle = [name for name in names if not (endpoint.traffic or {}).get(name)]
    for colour in idle:
        delete(cloud, endpoint, colour)
    if not idle:
        print(f"deploy: {endpoint.name} has nothing without traffic")
    return 0


def delete(cloud: Cloud, endpoint: OnlineEndpoint, colour: str) -> None:
    """Delete a colour, which ends its cost."""
    cloud.ml.online_deployments.begin_delete(colour, endpoint.name).result()
    print(f"deploy: {colour} is deleted", flush=True)


def deploy_batch(cloud: Cloud, model: Model) -> int:
    """Put the model behind the batch endpoint, and make it the one that is used by default."""
    name = cloud.settings.batch_endpoint
    try:
        endpoint = cloud.ml.batch_endpoints.get(name)
    except ResourceNotFoundError:
        wanted = load_batch_endpoint(FILES / "batch.yaml")
        wanted.name = name
        endpoint = cloud.ml.batch_endpoints.begin_create_or_update(wanted).result()
    deployment = load_batch_deployment(FILES / "batch_deployment.yaml")
    deployment.endpoint_name, deployment.model = name, reference(model)
    deployment.compute = f"azureml:{cloud.settings.cluster}"
    cloud.ml.batch_deployments.begin_create_or_update(deployment).result()
    endpoint.defaults = {"deployment_name": deployment.name}
    cloud.ml.batch_endpoints.begin_create_or_update(endpoint).result()
    where = " ".join(cloud.settings.scope)
    print(
        f"deploy: {name} scores with {model.name} version {model.version}: az ml batch-endpoint "
        f"invoke -n {name} --input CSV-FOLDER --input-type uri_folder {where}"
    )
    return 0


def reference(model: Model) -> str:
    """A version as azure-ai-ml takes it."""
    return f"azureml:{model.name}:{model.version}"
