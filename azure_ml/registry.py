"""The versions of the model in the workspace, and which of them is the champion.

Azure ML's registry has no MLflow aliases; the tag champion=true says the same (see
steps/shared/registry.py, which sets both).
"""

from azure.ai.ml.entities import Model

from azure_ml.cloud import Cloud
from azure_ml.errors import AzureMlError

CHAMPION = "champion"


def versions(cloud: Cloud) -> list[Model]:
    """All versions, the newest first. Raises AzureMlError where there is none."""
    found = list(cloud.ml.models.list(name=cloud.settings.model))
    if not found:
        raise AzureMlError(
            f"there is no model {cloud.settings.model} in {cloud.settings.workspace}: "
            "python -m azure_ml run makes one, where its gate is passed"
        )
    return sorted(found, key=lambda model: int(model.version or 0), reverse=True)


def studio_url(cloud: Cloud) -> str:
    """The page of the model in the studio: the champion's, or else the newest version's."""
    known = versions(cloud)
    model = next((m for m in known if is_champion(m)), known[0])
    return f"https://ml.azure.com/model/{model.name}:{model.version}/details?wsid={cloud.workspace}"


def is_champion(model: Model) -> bool:
    """Whether a version carries the tag."""
    return (model.tags or {}).get(CHAMPION) == "true"


def find(cloud: Cloud, version: str | None) -> Model:
    """The version that is asked for, or else the champion. Raises AzureMlError without one."""
    known = versions(cloud)
    wanted = [m for m in known if (m.version == version if version else is_champion(m))]
    if wanted:
        return wanted[0]
    numbers = ", ".join(str(model.version) for model in known)
    raise AzureMlError(
        f"{cloud.settings.model} has "
        + (f"no version {version}; there are {numbers}" if version else "no champion yet")
        + ": python -m azure_ml models"
    )
