"""The names that things have on Azure: from settings.toml, or from the environment."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from azure_ml.errors import AzureMlError

FILE = Path(__file__).parent / "settings.toml"
PREFIX = "AZURE_ML_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,88}")


@dataclass(frozen=True)
class Settings:
    """One name each; `subscription` is empty where the environment names none."""

    resource_group: str
    workspace: str
    location: str
    cluster: str
    gpu_cluster: str
    photographs: str
    model: str
    online_endpoint: str
    batch_endpoint: str
    subscription: str = ""

    @property
    def scope(self) -> tuple[str, str]:
        """The flags that tell `az ml` where: resource group and workspace."""
        return f"--resource-group {self.resource_group}", f"--workspace-name {self.workspace}"


def read(environment: Mapping[str, str] = os.environ, file: Path = FILE) -> Settings:
    """Read the settings. Raises AzureMlError for a name that Azure cannot have."""
    values = tomllib.loads(file.read_text())
    names = [field.name for field in fields(Settings) if field.name != "subscription"]
    values |= {
        n: environment[PREFIX + n.upper()] for n in names if PREFIX + n.upper() in environment
    }
    for name, value in values.items():
        if name not in names or not isinstance(value, str):
            raise AzureMlError(f"{file.name}: {name} is no setting; there are: {', '.join(names)}.")
        if not NAME.fullmatch(value):
            raise AzureMlError(
                f"{name} {value!r} is no name on Azure: letters, digits, - and _, 2 to 89 of them; "
                f"set it in {file.name} or as {PREFIX}{name.upper()}."
            )
    return Settings(**values, subscription=environment.get("AZURE_SUBSCRIPTION_ID", ""))
