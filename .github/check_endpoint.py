"""Asks the online endpoint as its callers do, once the traffic is switched; for mlops.yaml."""

import sys

from azure_ml import registry
from azure_ml.cloud import Cloud
from azure_ml.deploy import ask
from azure_ml.settings import read

TRIES = 5


def main() -> None:
    """Ends with 0 where every one of a few questions is answered as a model answers."""
    settings = read()
    cloud = Cloud(settings)
    model = registry.find(cloud, None)
    for _ in range(TRIES):
        # No colour: the endpoint's own traffic rule decides who answers.
        print(f"check: {ask(cloud, settings.online_endpoint, None, model)}", flush=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.exit(f"check: the endpoint does not answer: {error}")
