"""Serves a model and its history over HTTP until Ctrl-C."""

import argparse
import os
import signal
import sys
from argparse import Namespace
from typing import NoReturn

from mlflow.exceptions import MlflowException

from steps.shared import options, registry, services, stage
from steps.shared.services import Service
from steps.shared.stage import StageError
from steps.shared.values import port as port_of

LOOPBACK = "127.0.0.1"


def pin(uri: str | None, name: str) -> str:
    """The model to serve, an alias replaced by the version that carries it now.

    A server that is started again must not come back with another version than it had.
    Raises StageError where there is no such model.
    """
    return registry.fetch_or_champion(uri, name).uri


def scoring_server(uri: str, port: int) -> Service:
    """MLflow's scoring server on one model; on loopback, since only the sidecar talks to it."""
    return Service(
        "scoring server",
        [
            *(sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", uri),
            *("--env-manager", "local", "--host", LOOPBACK, "--port", str(port)),
        ],
        f"http://{LOOPBACK}:{port}/ping",
        {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "UVICORN_ACCESS_LOG": "false"},
    )


def history_service(host: str, port: int, scoring_port: int) -> Service:
    """The sidecar, which keeps the history in DATABASE_URL."""
    return Service(
        "history service",
        [sys.executable, "-m", "gunicorn", "-c", "history_service/gunicorn.conf.py"],
        f"{url_of(host, port)}/health/live",
        {
            "HOST": host,
            "PORT": str(port),
            "SCORING_URL": f"http://{LOOPBACK}:{scoring_port}",
        },
    )


def url_of(host: str, port: int) -> str:
    """Where this machine reaches a service; one that listens everywhere, on loopback."""
    name = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104  # nosec B104
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def serve(args: Namespace) -> None:
    """Start both, say where, watch until interrupted; the sidecar stops first, so that what it
    has begun still finds the model."""
    host, port = address(args)
    services.require_free(host, port, "--port")
    services.require_free(LOOPBACK, args.scoring_port, "--scoring-port")
    uri = pin(args.model_path or os.environ.get("MODEL_PATH"), args.model_name)
    model = scoring_server(uri, args.scoring_port)
    history = history_service(host, port, args.scoring_port)
    try:
        for service in (model, history):
            service.start()
            service.wait()
        print(f"serve: {uri} and its history: {url_of(host, port)} (Ctrl-C stops)", flush=True)
        services.watch([model, history])
    finally:
        # A second Ctrl-C, or `mlflow run` that passes the first one on, must not orphan the model.
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, signal.SIG_IGN)
        history.stop()
        model.stop()


def address(args: Namespace) -> tuple[str, int]:
    """Where the history service listens: what the flags say, else HOST and PORT of the environment.

    Raises StageError where PORT is no port.
    """
    host = args.host or os.environ.get("HOST") or LOOPBACK
    text = os.environ.get("PORT") or "8000"
    try:
        return host, args.port or port_of(text)
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise StageError(f"PORT={text} in the environment is not a port.") from error


def main() -> NoReturn:
    """The command. It has no MLflow run of its own: it measures nothing and ends when told to."""
    args = options.parse("serve")
    stage.quieten()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        serve(args)
    except KeyboardInterrupt:
        print("serve: stopped")
    except (StageError, MlflowException) as error:
        sys.exit(f"serve: {error}")
    sys.exit(0)


if __name__ == "__main__":
    main()
