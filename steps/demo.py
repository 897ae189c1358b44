"""`make demo`: the whole pipeline, then one picture through the served champion."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import requests

from steps import serve
from steps.shared import registry, services, stage
from steps.shared.stage import StageError
from steps.shared.table import read_table

NAME = "sports-ball-classification"
SAMPLE_EPOCHS = 15
"""Rendered pictures are learnt sooner than photographs."""
MAX_UPLOAD_BYTES = 10 * 2**20
"""The history service's default."""


def run_pipeline(source: str) -> None:
    """`mlflow run .`, as a person would type it. Raises StageError where it fails."""
    command = ["mlflow", "run", ".", "--env-manager=local", f"--experiment-name={NAME}"]
    command += ["-P", f"source={source}"]
    if source == "sample":
        command += ["-P", f"epochs={SAMPLE_EPOCHS}"]
    print("demo: " + " ".join(command), flush=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise StageError("the pipeline did not finish; the reason stands above.")


def classify_one(latest: dict) -> None:
    """Serve the champion and its history, send one test photograph, print what comes back."""
    table = read_table(Path(latest["split"]) / "files.csv")
    taken = table[(table["split"] == "test") & (table["bytes"] <= MAX_UPLOAD_BYTES)]
    if taken.empty:
        raise StageError("no test photograph is below 10 MiB, the most that the service takes.")
    photo = taken.sample(1, random_state=1).iloc[0]
    path = Path(latest["ingest"]) / "photos" / photo["path"]
    scoring_port, port = services.free_port(), services.free_port()
    model = serve.scoring_server(serve.pin(None, NAME), scoring_port)
    history = serve.history_service(serve.LOOPBACK, port, scoring_port)
    try:
        for service in (model, history):
            service.start()
            service.wait()
        url = f"http://{serve.LOOPBACK}:{port}"
        with path.open("rb") as file:
            response = requests.post(f"{url}/predict", files={"img": file}, timeout=30)
        if not response.ok:
            raise StageError(f"POST /predict answered {response.status_code}: {response.text}")
        answer = response.json()
        past = requests.get(f"{url}/stats", timeout=30).json()
    finally:
        history.stop()
        model.stop()
    print(f"\ndemo: {path.name} is a {photo['category']}; POST /predict answers")
    for label, score in list(answer["all_scores"].items())[:3]:
        print(f"      {score:6.1%} {'█' * round(30 * score)} {label}")
    print(
        f"demo: prediction {answer['id']} is in the history; it holds "
        f"{past['total_predictions']} with an average confidence of "
        f"{past['average_confidence']:.1%}"
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m steps.demo", description=__doc__)
    parser.add_argument("--source", default="sample", help="a folder category/*.jpg, or sample")
    args = parser.parse_args()
    stage.quieten()
    try:
        run_pipeline(args.source)
        latest = stage.read_json(Path("work/latest.json"))
        classify_one(latest)
    except StageError as error:
        sys.exit(f"demo: {error}")
    champion = registry.by_alias(NAME, registry.CHAMPION)
    if champion:
        print(f"\ndemo: the champion is version {champion.version}: {registry.summary(champion)}")
    print(
        "demo: look at runs, curves and pictures: .venv/bin/mlflow ui, then http://127.0.0.1:5000"
    )
    print("demo: serve it: make serve")


if __name__ == "__main__":
    main()
