"""The few calls to Azure Resource Manager that azure-ai-ml does not make: groups, roles, providers.

Answers 429 and 5xx are tried again by the pipeline, which waits as long as `Retry-After` says.
"""

import os
import time
import uuid
from collections.abc import Iterator

from azure.core import AzureClouds
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.tools import get_arm_endpoints

from azure_ml.errors import AzureMlError

GROUPS, PROVIDERS, ROLES, WORKSPACES = "2022-09-01", "2022-09-01", "2022-04-01", "2024-10-01"
"""The API versions of resource groups and providers, role assignments and workspaces."""
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
"""AzureML Data Scientist among Azure's built-in roles."""
CLOUDS = {
    "AzureCloud": AzureClouds.AZURE_PUBLIC_CLOUD,
    "AzureUSGovernment": AzureClouds.AZURE_US_GOVERNMENT,
    "AzureChinaCloud": AzureClouds.AZURE_CHINA_CLOUD,
}
TRIES = 5
"""How often a request is tried again after 429 and 5xx: some 25 seconds in all."""
GONE_WITHIN_S, POLL_S = 1800.0, 5.0
"""Longest that a deletion may take, and how often it is asked about."""


class Arm:
    """Resource Manager, as one person or service principal may use it."""

    def __init__(self, credential: TokenCredential) -> None:
        cloud = os.environ.get("AZUREML_CURRENT_CLOUD", "AzureCloud")
        endpoints = get_arm_endpoints(CLOUDS.get(cloud, AzureClouds.AZURE_PUBLIC_CLOUD))
        self._client: ARMPipelineClient = ARMPipelineClient(
            endpoints["resource_manager"],
            policies=[
                policies.RequestIdPolicy(),
                policies.RetryPolicy(retry_total=TRIES),
                ARMChallengeAuthenticationPolicy(credential, *endpoints["credential_scopes"]),
            ],
        )

    def get(self, path: str, version: str) -> dict | None:
        """What is at a path, or None where nothing is. Raises HttpResponseError."""
        try:
            return self._send("GET", path, version)
        except HttpResponseError as error:
            if error.status_code == 404:
                return None
            raise

    def put(self, path: str, version: str, body: dict) -> dict:
        """Create or change what is at a path. Raises HttpResponseError."""
        return self._send("PUT", path, version, body)

    def post(self, path: str, version: str) -> dict:
        """Ask for an action. Raises HttpResponseError."""
        return self._send("POST", path, version, {})

    def items(self, path: str, version: str) -> Iterator[dict]:
        """Everything in a collection, page after page."""
        page = self._send("GET", path, version)
        while True:
            yield from page.get("value", [])
            if not page.get("nextLink"):
                return
            page = self._read(HttpRequest("GET", page["nextLink"]))

    def delete(self, path: str, version: str, **more: str) -> None:
        """Delete what is at a path, and wait until it is gone. Raises AzureMlError.

        more: parameters of the query besides the version.
        """
        self._send("DELETE", path, version, None, **more)
        limit = time.monotonic() + GONE_WITHIN_S
        while self.get(path, version) is not None:
            if time.monotonic() > limit:
                raise AzureMlError(f"{path} is still being deleted: look again with cleanup.")
            time.sleep(POLL_S)

    def _send(
        self, method: str, path: str, version: str, body: dict | None = None, **more: str
    ) -> dict:
        url = self._client.format_url(path)
        return self._read(
            HttpRequest(method, url, params={"api-version": version, **more}, json=body)
        )

    def _read(self, request: HttpRequest) -> dict:
        response = self._client.send_request(request)
        response.raise_for_status()
        return response.json() if response.content else {}


def register_provider(arm: Arm, subscription: str, name: str) -> None:
    """Let a subscription use a kind of resources; the registration itself goes on by itself."""
    path = f"/subscriptions/{subscription}/providers/{name}"
    about = arm.get(path, PROVIDERS) or {}
    if about.get("registrationState") not in ("Registered", "Registering"):
        arm.post(f"{path}/register", PROVIDERS)


def give_role(arm: Arm, scope: str, role: str, principal: str) -> None:
    """Assign a built-in role to a managed identity; one that it has already is left alone."""
    subscription = scope.split("/")[2]
    definition = (
        f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )
    # The same name for the same assignment: a repetition is no second one.
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}|{role}|{principal}".lower())
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    if arm.get(path, ROLES) is not None:
        return
    body = {"roleDefinitionId": definition, "principalId": principal}
    body["principalType"] = "ServicePrincipal"  # or Azure looks for one it may not know yet
    try:
        arm.put(path, ROLES, {"properties": body})
    except HttpResponseError as error:
        if error.status_code != 409:  # somebody gave it under another name
            raise
