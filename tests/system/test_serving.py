"""Serving for real: MLflow's scoring server, the command line, and `python -m steps.serve`."""

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from argparse import Namespace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest
from waiting import wait_until

from steps import serve as serving
from steps.shared import registry, services
from steps.shared.services import Service
from steps.shared.stage import StageError

ROOT = Path(__file__).parents[2]
NAME = "served"


@pytest.fixture
def free_port():
    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


@pytest.fixture
def champion(house, tracking, tmp_path) -> str:
    """The shared model, registered; returns its run id.

    A copy: MLflow writes a registered model's name and version into its folder as it serves it.
    """
    run_id = house.runs["train"].info.run_id
    copy = shutil.copytree(house.model, tmp_path / "model")
    version = registry.create_version(NAME, copy.as_uri(), None, "text", {})
    registry.give_alias(version, "champion")
    return run_id


@pytest.fixture
def pictures(house) -> pd.DataFrame:
    paths = sorted((house.ingest / "photos").rglob("*.jpg"))[::20]
    texts = [base64.b64encode(path.read_bytes()).decode() for path in paths]
    return pd.DataFrame({"image": texts})


def ask(port: int, pictures: pd.DataFrame) -> list[dict]:
    body = json.dumps({"dataframe_split": pictures.to_dict("split", index=False)}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["predictions"]


def scores_of(answers: list[dict]) -> np.ndarray:
    return np.array([list(answer["scores"].values()) for answer in answers])


def test_the_scoring_server_answers_like_the_model_itself(house, champion, pictures, free_port):
    port = free_port()
    bad = pd.concat([pictures, pd.DataFrame({"image": ["***"]})], ignore_index=True)
    server = serving.scoring_server(serving.pin(None, NAME), port)
    try:
        server.start()
        server.wait()
        *good, wrong = ask(port, bad)
    finally:
        server.stop()

    here = mlflow.pyfunc.load_model(str(house.model)).predict(pictures)
    assert np.abs(scores_of(good) - scores_of(here)).max() < 1e-5
    assert wrong["error"]["code"] == "not_base64"
    assert good[0]["model"] == {"name": NAME, "version": "1", "run_id": champion}


def test_mlflow_predicts_on_the_command_line(house, pictures, tmp_path):
    pictures.to_csv(tmp_path / "in.csv", index=False)
    files = ["-i", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.json"), "-t", "csv"]
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", str(house.model)]

    subprocess.run([*command, *files, "--env-manager", "local"], cwd=tmp_path, check=True)

    answers = json.loads((tmp_path / "out.json").read_text())["predictions"]
    here = mlflow.pyfunc.load_model(str(house.model)).predict(pictures)
    assert [a["label"] for a in answers] == [a["label"] for a in here]


def serve(*flags: object, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "steps.serve", "--model-name", NAME, *map(str, flags)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_taken_port_gives_one_clear_line(champion):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = serve("--port", other.getsockname()[1])
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert said.count("\n") == 1
    assert "cannot be used" in said


@pytest.mark.parametrize("uri", ["auto", "models:/nothing/7", "no/such/folder", "models:/x@y"])
def test_a_missing_model_gives_one_clear_line(tracking, free_port, uri):
    flags = ["--port", free_port(), "--scoring-port", free_port(), "--model-path", uri]
    process = serve(*flags)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert said.startswith("serve: ")
    assert said.count("\n") == 1


def answers(url: str) -> bool:
    with contextlib.suppress(urllib.error.URLError, OSError):
        return urllib.request.urlopen(url, timeout=2).status == 200
    return False


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_killed_server_comes_back_and_one_signal_stops_all(champion, free_port, tmp_path, kind):
    port, scoring_port = free_port(), free_port()
    database = f"sqlite:///{tmp_path}/history.db"
    process = serve("--port", port, "--scoring-port", scoring_port, DATABASE_URL=database)
    ping = f"http://127.0.0.1:{scoring_port}/ping"
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"))
        scoring = next(
            child for child in psutil.Process(process.pid).children() if "models" in child.cmdline()
        )
        scoring.kill()
        wait_until(lambda: not answers(ping))
        wait_until(lambda: answers(ping))
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(kind)
        said, _ = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    assert process.returncode == 0
    assert "the scoring server ended; it is started again" in said
    assert said.rstrip().endswith("serve: stopped")
    assert not [child for child in family if child.is_running()]


def test_a_service_that_ends_at_once_is_told_from_a_slow_one():
    service = Service("thing", [sys.executable, "-c", "pass"], "http://127.0.0.1:9/")
    service.start()

    with pytest.raises(StageError, match="the thing ended while it started"):
        service.wait(20)


def test_a_service_that_never_answers_is_given_up_and_killed():
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    service = Service("thing", [sys.executable, "-c", stubborn], "http://127.0.0.1:9/")
    service.start()

    with pytest.raises(StageError, match="did not answer within 1 seconds"):
        service.wait(1)
    service.stop(0.3)

    assert service.ended()


def test_stopping_what_never_started_does_nothing():
    Service("thing", ["true"], "http://127.0.0.1:9/").stop()


@pytest.mark.parametrize(
    ("flags", "environ", "expected"),
    [
        ((None, None), {}, ("127.0.0.1", 8000)),
        ((None, None), {"HOST": "0.0.0.0", "PORT": "80"}, ("0.0.0.0", 80)),
        (("::1", 81), {"HOST": "0.0.0.0", "PORT": "80"}, ("::1", 81)),
        ((None, None), {"HOST": "", "PORT": ""}, ("127.0.0.1", 8000)),
    ],
)
def test_the_address_is_the_flags_or_the_environments(monkeypatch, flags, environ, expected):
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert serving.address(Namespace(host=flags[0], port=flags[1])) == expected


@pytest.mark.parametrize("port", ["70000", "0", "http"])
def test_an_environment_without_a_port_is_refused(monkeypatch, port):
    monkeypatch.setenv("PORT", port)
    with pytest.raises(StageError, match=f"PORT={port} in the environment is not a port"):
        serving.address(Namespace(host=None, port=None))


def test_a_free_port_is_free(free_port):
    services.require_free("127.0.0.1", free_port(), "--port")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
        ("balls.example", "http://balls.example:80"),
    ],
)
def test_where_a_service_is_reached_that_listens_on_a_host(host, url):
    assert serving.url_of(host, 80) == url


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_a_port_of_ipv6_that_is_taken_is_refused():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StageError, match="cannot be used"):
            services.require_free("::1", port, "--port")


def test_an_address_that_is_not_ours_is_refused(free_port):
    with pytest.raises(StageError, match="choose another with --port"):
        services.require_free("192.0.2.1", free_port(), "--port")
