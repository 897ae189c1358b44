"""Who is measured: how each is started, and where its history is."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import stored
from steps.shared import registry
from steps.shared.services import Service, free_port

PEERS = Path(".venv/bench/bin/python")
"""The environment of requirements/bench.txt: make .venv/bench"""


@dataclass(frozen=True)
class Contestant:
    """A service under measurement."""

    service: Service
    url: str
    """Where pictures are uploaded to."""
    database: str | None = None
    """The URL of its history, if it keeps one."""

    def rows(self) -> set[int]:
        """The numbers of all rows of its history, read past the service."""
        if self.database is None:
            return set()
        return {row[0] for row in stored.rows(self.database, "id")}


def ours(model: Path, database: str) -> Contestant:
    """The scoring server and the history service, as `serve` starts them."""
    port, scoring = free_port(), free_port()
    command = [sys.executable, "-m", "steps.serve", "--model-path", str(model)]
    ports = ["--port", str(port), "--scoring-port", str(scoring)]
    url = f"http://127.0.0.1:{port}"
    settings = {"DATABASE_URL": database, "LOG_LEVEL": "warning"}
    service = Service("service", [*command, *ports], f"{url}/health/ready", settings)
    return Contestant(service, f"{url}/predict", database)


def _uvicorn(module: str, workers: int) -> Callable[[Path, str], Contestant]:
    def contestant(model: Path, database: str) -> Contestant:
        port = free_port()
        app = f"benchmarks.serving.{module}:app"
        address = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
        command = [str(PEERS), "-m", "uvicorn", app, *address, "--log-level", "warning"]
        driver = database.replace("postgresql://", "postgresql+psycopg://")
        settings = {"DATABASE_URL": driver, **_artifacts(model)}
        url = f"http://127.0.0.1:{port}"
        service = Service(module, command, f"{url}/health", settings)
        return Contestant(service, f"{url}/predict", driver)

    return contestant


def bento(model: Path, _database: str) -> Contestant:
    """BentoML, which keeps no history."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = "benchmarks.serving.bento:Classifier"
    command = [str(PEERS), "-m", "bentoml", "serve", app, "--host", "127.0.0.1"]
    settings = {**_artifacts(model), "BENTOML_DO_NOT_TRACK": "true"}
    service = Service("bento", [*command, "--port", str(port)], f"{url}/readyz", settings)
    return Contestant(service, f"{url}/predict")


def lit(model: Path, _database: str) -> Contestant:
    """LitServe, which keeps no history."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(PEERS), "-m", "benchmarks.serving.lit", str(port)]
    service = Service("lit", command, f"{url}/health", _artifacts(model))
    return Contestant(service, f"{url}/predict")


def _artifacts(model: Path) -> dict[str, str]:
    folder = model.resolve() / "artifacts"
    return {
        "ONNX_MODEL": str(folder / "network.onnx"),
        "KERAS_MODEL": str(folder / "network.keras"),
        "SIZE": str(registry.fetch(str(model)).facts["size"]),
    }


CONTESTANTS: dict[str, Callable[[Path, str], Contestant]] = {
    "ours": ours,
    "plain": _uvicorn("plain", 1),
    "onnx": _uvicorn("onnx", 2),
    "bento": bento,
    "lit": lit,
}
