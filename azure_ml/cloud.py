"""Signs in, finds the subscription, and opens what the commands speak to."""

import logging
import sys
import warnings
from functools import cached_property

from azure.ai.ml import MLClient

from azure_ml.arm import GROUPS, Arm
from azure_ml.errors import LOGIN, AzureMlError
from azure_ml.login import sign_in
from azure_ml.settings import Settings


class Cloud:
    """Azure as the commands see it: `settings`, Resource Manager (`arm`) and azure-ai-ml (`ml`)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.credential = sign_in()
        self.arm = Arm(self.credential)

    @cached_property
    def subscription(self) -> str:
        """The one that AZURE_SUBSCRIPTION_ID names, or the only one there is.

        Raises AzureMlError where there is none, or more than one to choose from.
        """
        if self.settings.subscription:
            return self.settings.subscription
        seen = list(self.arm.items("/subscriptions", GROUPS))
        if not seen:
            raise AzureMlError(f"this login sees no subscription: {LOGIN}, as who has one")
        if len(seen) > 1:
            names = ", ".join(f"{s['displayName']} ({s['subscriptionId']})" for s in seen)
            raise AzureMlError(f"set AZURE_SUBSCRIPTION_ID to one of: {names}")
        return seen[0]["subscriptionId"]

    @property
    def group(self) -> str:
        """The resource group's path."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.settings.resource_group}"

    @property
    def workspace(self) -> str:
        """The workspace's path."""
        kind = "providers/Microsoft.MachineLearningServices/workspaces"
        return f"{self.group}/{kind}/{self.settings.workspace}"

    @cached_property
    def ml(self) -> MLClient:
        """azure-ai-ml, on the workspace."""
        names = self.settings
        return MLClient(
            self.credential,
            self.subscription,
            names.resource_group,
            names.workspace,
            show_progress=False,
        )


def quieten(verbose: bool) -> None:
    """Leave the screen to the commands; verbose: let Azure's libraries speak too."""
    if verbose:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO)
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)  # their loggers set levels of their own
