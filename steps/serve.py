"""Serves a registered model over HTTP until Ctrl-C."""

import signal
import sys
from argparse import Namespace
from typing import NoReturn

from mlflow.exceptions import MlflowException

from steps.shared import options, registry, services, stage
from steps.shared.services import Service
from steps.shared.stage import StageError


def pin(uri: str | None, name: str) -> str:
    """The model to serve, an alias replaced by the version that carries it now.

    A server that is started again must not come back with another version than it had.
    Raises StageError where there is no such model.
    """
    uri = uri or f"models:/{name}@{registry.CHAMPION}"
    if uri.startswith("models:/") and "@" in uri:
        name, _, alias = uri.removeprefix("models:/").partition("@")
        version = registry.by_alias(name, alias)
        if version is None:
            raise StageError(
                f"there is no {uri} in the registry: `mlflow run .` makes one "
                "(its gate must be passed), or name another with --model-uri."
            )
        return f"models:/{name}/{version.version}"
    registry.fetch(uri)
    return uri


def scoring_server(uri: str, host: str, port: int) -> Service:
    """MLflow's scoring server on one model."""
    return Service(
        "scoring server",
        [
            sys.executable,
            "-m",
            "mlflow",
            "models",
            "serve",
            "--model-uri",
            uri,
            "--env-manager",
            "local",
            "--host",
            host,
            "--port",
            str(port),
        ],
        f"http://{host}:{port}/ping",
        {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )


def serve(args: Namespace) -> None:
    """Start, say where, watch until interrupted, stop."""
    services.require_free(args.host, args.port, "--port")
    uri = pin(args.model_uri, args.model_name)
    scoring = scoring_server(uri, args.host, args.port)
    try:
        scoring.start()
        scoring.wait()
        print(f"serve: {uri} answers on http://{args.host}:{args.port}/invocations; Ctrl-C stops")
        sys.stdout.flush()
        services.watch([scoring])
    finally:
        scoring.stop()


def main() -> NoReturn:
    """The command. It has no MLflow run of its own: it measures nothing and ends when told to."""
    args = options.parse("serve")
    stage.quieten()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        serve(args)
    except KeyboardInterrupt:
        sys.exit("serve: stopped")
    except (StageError, MlflowException) as error:
        sys.exit(f"serve: {error}")
    sys.exit(0)


if __name__ == "__main__":
    main()
