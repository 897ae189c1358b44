"""What Azure adds to the resources that it keeps, who signs in, and what a price list says."""

from __future__ import annotations

import json
import uuid
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopback_azure import Azure

TENANT, SUBSCRIPTION = (str(uuid.UUID(int=n)) for n in (1, 2))
ACCOUNT, KEY = "ballstore", "bG9vcGJhY2stb25seQ=="
TOKEN = ".".join(
    b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in (
        {"alg": "none"},
        {"tid": TENANT, "oid": "tester", "aud": "https://ml.azure.com"},
        "",
    )
)
"""A JSON web token whose signature nobody checks."""
REGION = "westeurope.api.azureml.ms"
ML = "/providers/microsoft.machinelearningservices"
Answer = tuple[int, object]


def deployed(azure: Azure, deployment: dict, name: str) -> None:
    """A template deployment makes a workspace."""
    given = {k: v.get("value") for k, v in deployment["properties"]["parameters"].items()}
    group = deployment["id"].partition("/providers/")[0]
    azure.make_workspace(group, given["workspaceName"], given["location"])
    deployment["properties"]["outputResources"] = []


def submitted(azure: Azure, job: dict, name: str) -> None:
    """A job that was handed in is queued, runs, and ends as the test wants."""
    studio = {"endpoint": f"https://ml.azure.com/runs/{name}", "jobServiceType": "Studio"}
    job["properties"] |= {"services": {"Studio": studio}, "status": "Queued"}
    azure.statuses.setdefault(name, ["Queued", "Running", azure.after_submit])


def identified(azure: Azure, cluster: dict, name: str) -> None:
    """A cluster gets the identity that it asks for."""
    cluster["identity"] = {
        "type": "SystemAssigned",
        "principalId": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
    }


def addressed(azure: Azure, endpoint: dict, name: str) -> None:
    """An endpoint gets an address."""
    url = f"https://{name}.westeurope.inference.ml.azure.com/score"
    endpoint["properties"] |= {
        "scoringUri": url,
        "traffic": endpoint["properties"].get("traffic", {}),
    }


def scaled(azure: Azure, deployment: dict, name: str) -> None:
    """An online deployment says how it grows."""
    deployment["properties"].setdefault("scaleSettings", {"scaleType": "Default"})


ADDED = {
    r"/microsoft.resources/deployments/[^/]+$": deployed,
    rf"{ML}/workspaces/[^/]+/jobs/[^/]+$": submitted,
    rf"{ML}/workspaces/[^/]+/computes/[^/]+$": identified,
    r"/onlineendpoints/[^/]+$": addressed,
    r"/onlineendpoints/[^/]+/deployments/[^/]+$": scaled,
}
"""By the path of a resource: what Azure adds to it."""


def error(status: int, code: str, message: str) -> Answer:
    """An error as Azure words it."""
    return status, {"error": {"code": code, "message": message}}


def price(dollars: float, product: str = "Linux", sku: str = "F8s v2") -> dict:
    """A line of the price list."""
    return {"retailPrice": dollars, "productName": product, "skuName": sku}


def login(path: str, token_life: int) -> Answer:
    """Who signs in, and a token for it."""
    base = f"https://login.microsoftonline.com/{TENANT}"
    if path.endswith("/token"):
        return 200, {"token_type": "Bearer", "expires_in": token_life, "access_token": TOKEN}
    if path.endswith("/instance"):
        found = f"{base}/v2.0/.well-known/openid-configuration"
        return 200, {"tenant_discovery_endpoint": found, "metadata": []}
    issuer = {"issuer": f"{base}/v2.0", "token_endpoint": f"{base}/oauth2/v2.0/token"}
    return 200, issuer | {"authorization_endpoint": f"{base}/oauth2/v2.0/authorize"}
