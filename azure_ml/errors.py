"""Says in one line what went wrong on Azure, and which command helps."""

import re

from azure.ai.ml.exceptions import JobException, MlException
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

LOGIN = (
    "az login (or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service "
    "principal)"
)
SETUP = "python -m azure_ml setup"
HELP = {
    "SubscriptionNotFound": "az account list --output table, then set AZURE_SUBSCRIPTION_ID",
    "InvalidSubscriptionId": "az account list --output table, then set AZURE_SUBSCRIPTION_ID",
    "InvalidAuthenticationTokenTenant": "az login --tenant TENANT, the one of the subscription",
    "ReadOnlyDisabledSubscription": "the subscription is disabled: enable it in the portal",
    "MissingSubscriptionRegistration": SETUP,
    "ResourceGroupNotFound": SETUP,
    "ParentResourceNotFound": SETUP,
    "LocationNotAvailableForResourceType": "set AZURE_ML_LOCATION; az account list-locations",
    "RequestDisallowedByPolicy": "a policy of the subscription forbids it: ask who manages it",
    "ResourceNotFound": f"{SETUP}, or check the names in azure_ml/settings.toml",
    "UserError": "the message says what to change",
}
"""By the error code of Azure: the command that helps."""
QUOTA = re.compile(r"quota|not ?enough cores|core limit|CapacityLimit", re.IGNORECASE)
TAKEN = re.compile(r"soft.?deleted|already (exists|taken|in use)|FlagMustBeSetForRestore", re.I)
NETWORK = re.compile(r"connection|proxy|resolve|timed out|unreachable", re.IGNORECASE)
UNREACHED = (ServiceRequestError, ServiceResponseError, ConnectionError, TimeoutError)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ACTION = re.compile(r"perform action '([^']+)'(?:.*?over scope '([^']+)')?", re.DOTALL)


class AzureMlError(Exception):
    """What a person can mend; the message is one line and names the command that helps."""


def explain(error: BaseException) -> str:
    """One line on any error: what is wrong and, where it is known, what to do."""
    if isinstance(error, AzureMlError):
        return str(error)
    if isinstance(error, ClientAuthenticationError) and not NETWORK.search(str(error)):
        return f"not logged in to Azure, or the login has ended: {LOGIN}"
    if isinstance(error, (*UNREACHED, ClientAuthenticationError)):
        return (
            "no connection to Azure: check network and proxy (HTTPS_PROXY); the same command goes "
            "on where it stopped"
        )
    if isinstance(error, HttpResponseError):
        return _of_answer(error)
    if isinstance(error, JobException):
        return "the job failed; the studio link above shows the logs of the step that did"
    if isinstance(error, MlException | AzureError):
        return _first_line(error)
    return f"unexpected {type(error).__name__}: {_first_line(error)} (--verbose shows where)"


def _of_answer(error: HttpResponseError) -> str:
    code = _code(error)
    text = f"{code} {error}"
    if code not in HELP and _status(error) == 403:
        return _missing_role(error)
    if QUOTA.search(text):
        return f"the quota is too small: {_first_line(error)}: {quota_help()}"
    if code not in HELP and TAKEN.search(text):
        return (
            f"the name is taken: {_first_line(error)}: choose another in azure_ml/settings.toml, "
            "or python -m azure_ml cleanup, which also purges a soft-deleted workspace of yours"
        )
    if _status(error) in (429, 500, 502, 503, 504):
        return f"Azure is busy or ill ({_status(error)} {code}): try again in some minutes"
    helps = HELP.get(code)
    if helps is None and _status(error) == 404:
        helps = HELP["ResourceNotFound"]
    return _first_line(error) + (f": {helps}" if helps else "")


def _missing_role(error: HttpResponseError) -> str:
    found = ACTION.search(str(error))
    action, scope = found.groups() if found else ("this", None)
    assigns = "roleAssignments" in action
    role = "User Access Administrator" if assigns else "Contributor"
    if "MachineLearningServices" in action and "/workspaces/" in action and not assigns:
        role = "AzureML Data Scientist"
    return (
        f"a role is missing ({action} is not allowed): ask the subscription's owner for az role "
        f'assignment create --assignee YOU --role "{role}" --scope {scope or "/subscriptions/…"}'
    )


def quota_help(location: str = "LOCATION") -> str:
    """The commands that show the quota, and where to ask for more."""
    return (
        f"az ml compute list-usage --location {location} shows it; choose a smaller `size` in "
        "azure_ml/compute.yaml, another AZURE_ML_LOCATION, or ask for more at "
        "https://aka.ms/azureml-quota"
    )


def _status(error: AzureError) -> int | None:
    return getattr(error, "status_code", None)


def _code(error: HttpResponseError) -> str:
    code = getattr(getattr(error, "error", None), "code", None) or getattr(error, "error_code", "")
    return str(getattr(code, "value", code) or "")


def _first_line(error: BaseException) -> str:
    inner = getattr(getattr(error, "error", None), "message", None)
    message = str(inner or getattr(error, "message", "") or error)
    lines = [line.strip() for line in COLOUR.sub("", message).splitlines()]
    lines = [line for line in lines if line] or [type(error).__name__]
    # azure-ai-ml's validation writes pages; what is wrong stands at "(x)", or below "(x) NAME:".
    at = next((i for i, line in enumerate(lines) if line.startswith("(x)")), 0)
    text = " ".join(lines[at : at + 2]) if lines[at].endswith(":") else lines[at]
    text = text.removeprefix("(x) ")
    return re.sub(r"^\(\w+\)\s*", "", text)[:300].rstrip(".: ")
