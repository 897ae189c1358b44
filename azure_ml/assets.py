"""What the workspace needs of this checkout: its files, and their digests as versions."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from azure.ai.ml import load_compute
from azure.ai.ml.entities import AmlCompute

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "azure_ml"
PIPELINE = FOLDER / "pipeline.yaml"


def component_files() -> list[Path]:
    """The components, in the order of the names."""
    return sorted((FOLDER / "components").glob("*.yaml"))


def environment_file(kind: str) -> Path:
    """kind: cpu or gpu."""
    return FOLDER / "environments" / f"{kind}.yaml"


def compute_file(kind: str) -> Path:
    """kind: cpu or gpu."""
    return FOLDER / ("compute.yaml" if kind == "cpu" else "compute_gpu.yaml")


def compute(kind: str) -> AmlCompute:
    """The cluster of a kind, as it stands in its file."""
    return cast(AmlCompute, load_compute(compute_file(kind)))


def environment_version(kind: str) -> str:
    """The same as long as nothing that the image is built from changes."""
    names = [f"{kind}.Dockerfile", "pipeline.txt", *(["gpu.txt"] if kind == "gpu" else [])]
    return digest(ROOT / "requirements" / name for name in names)


def component_version(file: Path) -> str:
    """The same as long as the component, the code that it runs and its image do not change."""
    code = [p for p in (ROOT / "steps").rglob("*") if p.suffix in (".py", ".j2")]
    image = [environment_version("cpu"), environment_version("gpu")]
    return digest([file, *code], *image)


def digest(files: Iterable[Path], *more: str) -> str:
    """12 hexadecimal digits of the SHA-256 over names and contents."""
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    whole.update("\0".join(more).encode())
    return whole.hexdigest()[:12]


def shown(file: Path) -> str:
    """A file as it is typed in the repository's root."""
    return file.relative_to(ROOT).as_posix()
