"""A real Prometheus with our files, on a real history service: panels show data, rules hold."""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
import yaml
from tools import ROOT

MONITORING = ROOT / "docker" / "monitoring"
POOL = urllib3.PoolManager()


def until(condition, seconds: float = 30.0):
    """What `condition()` returns once it is true. Fails the test where it never is."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := condition():
            return found
        time.sleep(0.2)
    pytest.fail(f"{condition} did not come true within {seconds} s")


def our_settings(folder: Path, service: str) -> Path:
    """prometheus.yml, but for names that only compose's network resolves, and 15 s to wait."""
    settings = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(MONITORING / "alerts.yml")]
    (job,) = settings["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [service.removeprefix("http://")]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    return path


@contextmanager
def prometheus(parts, folder: Path, service: str):
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus here: apt-get install prometheus")
    address = f"127.0.0.1:{parts.free_port()}"
    settings = our_settings(folder, service)
    command = [program, f"--config.file={settings}", f"--web.listen-address={address}"]
    command += [f"--storage.tsdb.path={folder}/data", "--log.level=error"]
    with parts.running(command) as process:
        parts.wait_for(f"http://{address}/-/ready", process=process)
        yield f"http://{address}/api/v1"


def ask(api: str, query: str) -> list[dict]:
    answer = POOL.request("GET", f"{api}/query", fields={"query": query}).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    return answer["data"]["result"]


def predict(service: str, picture: Path, count: int) -> None:
    for _ in range(count):
        fields = {"img": (picture.name, picture.read_bytes())}
        assert POOL.request("POST", f"{service}/predict", fields=fields).status == 200


@pytest.fixture(scope="module")
def monitored(tmp_path_factory, photograph):
    """The address of Prometheus' interface, which has seen predictions."""
    parts = sys.modules["deploy_real_parts"]
    folder = tmp_path_factory.mktemp("prometheus")
    with parts.stand_in_model() as model:
        settings = {"DATABASE_URL": f"sqlite:///{folder}/history.db", "SCORING_URL": model.url}
        with (
            parts.gunicorn(**settings) as (service, _),
            prometheus(parts, folder, service) as api,
        ):
            predict(service, photograph, 1)
            until(lambda: ask(api, 'predictions_total{job="history"}'))
            predict(service, photograph, 5)
            until(lambda: ask(api, 'sum(predictions_total{job="history"}) == 6'))
            yield api


def test_every_panel_shows_something(monitored):
    dashboard = json.loads((MONITORING / "grafana/dashboards/history.json").read_text())
    queries = {
        (panel["title"], target["expr"].replace("$__rate_interval", "1m"))
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }

    empty = {title for title, query in queries if not ask(monitored, query)}

    assert queries
    assert empty == set()


def test_every_alert_is_evaluated_and_none_fires(monitored):
    def rules() -> list[dict]:
        groups = POOL.request("GET", f"{monitored}/rules").json()["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] == "ok" for rule in found) else []

    assert {rule["name"]: rule["state"] for rule in until(rules)} == {
        "HistoryServiceDown": "inactive",
        "RequestsFail": "inactive",
        "ModelFails": "inactive",
        "PredictionsSlow": "inactive",
        "PicturesUnknown": "inactive",
    }
