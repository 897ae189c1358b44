"""Signs in to Azure: as the person or the machine that is logged in, or as a job of GitHub's."""

import os

import requests
from azure.core.credentials import TokenCredential
from azure.identity import ClientAssertionCredential, DefaultAzureCredential

from azure_ml.errors import AzureMlError

ASK_URL, ASK_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # nosec B105
"""Where a job of GitHub Actions with the permission `id-token: write` asks who it is, and the key
to that (GitHub's documentation, "OpenID Connect reference")."""
AUDIENCE = "api://AzureADTokenExchange"
"""For whom GitHub's token is; the federated credential in docs/containers.md names it too."""
TIMEOUT_S = 30


def sign_in() -> TokenCredential:
    """What gives the tokens that Azure's services ask for.

    A job of GitHub Actions that may say who it is is asked anew whenever a token has run out, after
    an hour or so, so that a pipeline may take longer. Elsewhere: `az login`, a managed identity, or
    a service principal's three variables.
    """
    given = os.environ.get
    tenant, client = given("AZURE_TENANT_ID"), given("AZURE_CLIENT_ID")
    by_github = given(ASK_URL) and given(ASK_TOKEN) and not given("AZURE_CLIENT_SECRET")
    if by_github and tenant and client:
        return ClientAssertionCredential(tenant, client, github_token)
    return DefaultAzureCredential()


def github_token() -> str:
    """A signed statement by GitHub of which job this is, good for a few minutes.

    Raises AzureMlError where GitHub gives none.
    """
    who = {"Authorization": f"Bearer {os.environ[ASK_TOKEN]}"}
    for_azure = {"audience": AUDIENCE}
    try:
        answer = requests.get(os.environ[ASK_URL], for_azure, headers=who, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()["value"]
    except (requests.RequestException, KeyError) as error:
        raise AzureMlError(
            "GitHub does not say which job this is: it needs `permissions: {id-token: write}`"
        ) from error
