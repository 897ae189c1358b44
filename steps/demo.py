"""`make demo`: the whole pipeline, then one picture through the served champion."""

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pandas as pd

from steps import serve
from steps.shared import registry, stage
from steps.shared.stage import StageError

NAME = "sports-ball-classification"


def run_pipeline(source: str) -> None:
    """`mlflow run .`, as a person would type it. Raises StageError where it fails."""
    command = ["mlflow", "run", ".", "--env-manager=local", f"--experiment-name={NAME}"]
    print("demo: " + " ".join(command) + f" -P source={source}", flush=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, "-P", f"source={source}"], env={**os.environ, "PATH": path}, check=False
    )
    if done.returncode:
        raise StageError("the pipeline did not finish; the reason stands above.")


def classify_one(latest: dict) -> None:
    """Serve the champion, send it one test photograph over HTTP, print what it answers."""
    table = pd.read_csv(Path(latest["split"]) / "files.csv")
    photo = table[table["split"] == "test"].sample(1, random_state=1).iloc[0]
    path = Path(latest["ingest"]) / "photos" / photo["path"]
    with socket.socket() as probe:  # any free port
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = serve.scoring_server(serve.pin(None, NAME), "127.0.0.1", port)
    try:
        server.start()
        server.wait()
        answer = ask(f"http://127.0.0.1:{port}/invocations", path)
    finally:
        server.stop()
    print(f"\ndemo: {path.name} is a {photo['category']}; the served model answers")
    print(f"      {answer['label']} with confidence {answer['confidence']:.1%}")
    for label, score in sorted(answer["scores"].items(), key=lambda item: -item[1])[:3]:
        print(f"      {score:6.1%} {'█' * round(30 * score)} {label}")


def ask(url: str, path: Path) -> dict:
    """POST one picture file to a scoring server; its answer to that picture."""
    text = base64.b64encode(path.read_bytes()).decode()
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[text]]}}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.load(response)["predictions"][0]


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
        print(f"\ndemo: the champion is version {champion.version}: {champion.description}")
    print(
        "demo: look at runs, curves and pictures: .venv/bin/mlflow ui, then http://127.0.0.1:5000"
    )
    print("demo: serve it: make serve")


if __name__ == "__main__":
    main()
