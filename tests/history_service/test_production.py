"""The service as it runs in production: under load, over restarts, across worker processes."""

import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import urllib3
from real_parts import gunicorn
from uploading import BLUE, picture
from waiting import wait_until

CLIENTS = 64


def stored_ids(database_url: str) -> list[int]:
    """The numbers of all rows, read past the service."""
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    else:
        connection = psycopg.connect(database_url)
    rows = connection.execute("SELECT id FROM predictions").fetchall()
    connection.close()
    return [row[0] for row in rows]


def storm(url: str, seconds: float) -> tuple[list[int], Counter]:
    """64 clients upload as fast as they can; the ids of all 200s and a count of all statuses."""
    pool = urllib3.PoolManager(maxsize=CLIENTS, block=True, retries=False, timeout=60)
    ids, statuses = [], Counter()
    ends = time.monotonic() + seconds

    def client(number: int) -> None:
        data = picture((number, 100, 200 - number))
        while time.monotonic() < ends:
            fields = {"img": (f"{number}.png", data)}
            response = pool.request("POST", f"{url}/predict", fields=fields)
            statuses[response.status] += 1
            if response.status == 200:
                ids.append(response.json()["id"])

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    pool.clear()
    return ids, statuses


def check_storm(database_url: str, scoring_url: str, seconds: float, workers: int) -> None:
    environment = {
        "DATABASE_URL": database_url,
        "SCORING_URL": scoring_url,
        "WORKERS": str(workers),
        "DEADLINE_S": "30",
        "DATABASE_WAIT_S": "20",
    }
    with gunicorn(**environment) as (url, _):
        ids, statuses = storm(url, seconds)
        total = urllib3.request("GET", f"{url}/stats").json()["total_predictions"]
    assert set(statuses) == {200}
    assert len(ids) > 20 * seconds
    assert sorted(ids) == sorted(stored_ids(database_url))
    assert len(set(ids)) == len(ids) == total


@pytest.mark.parametrize("workers", [1, 2])
def test_every_200_of_64_clients_is_in_the_database_once(database_url, scoring_url, workers):
    seconds = float(os.environ.get("TEST_STORM_SECONDS", "4"))
    check_storm(database_url, scoring_url, seconds, workers)


@pytest.mark.slow
def test_every_200_of_64_clients_in_60_seconds_is_in_the_database_once(database_url, scoring_url):
    check_storm(database_url, scoring_url, 60, workers=2)


def test_what_was_answered_survives_kill_9(tmp_path, scoring_url):
    database_url = f"sqlite:///{tmp_path}/history.db"
    environment = {"DATABASE_URL": database_url, "SCORING_URL": scoring_url}
    answered: list[int] = []

    def upload(url: str) -> None:
        try:
            while True:
                response = urllib3.request(
                    "POST", f"{url}/predict", fields={"img": ("a.png", picture())}, retries=False
                )
                answered.append(response.json()["id"])
        except urllib3.exceptions.HTTPError:
            return  # killed

    with gunicorn(**environment) as (url, process):
        threads = [threading.Thread(target=upload, args=(url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        os.killpg(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert answered
    assert set(answered) <= set(stored_ids(database_url))


def test_a_stop_finishes_requests_in_flight_and_waits_for_no_idle_connection(
    tmp_path, scoring_server
):
    scoring_server.control(delay_s=1)
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/history.db",
        "SCORING_URL": scoring_server.url,
    }
    idle = urllib3.PoolManager()
    with gunicorn(**environment) as (url, process), ThreadPoolExecutor(1) as pool:
        idle.request("GET", f"{url}/health/live")
        fields = {"img": ("a.png", picture(BLUE))}
        answer = pool.submit(urllib3.request, "POST", f"{url}/predict", fields=fields)
        wait_until(lambda: scoring_server.control()["calls"])  # it is on its way
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert answer.result().status == 200
        assert process.wait(20) == 0
        assert time.monotonic() - started < 10  # the idle connection would hold it for 15
    idle.clear()


def test_metrics_are_right_across_workers(tmp_path, scoring_server):
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/history.db",
        "SCORING_URL": scoring_server.url,
        "WORKERS": "2",
    }
    with gunicorn(**environment) as (url, _):
        for _ in range(20):  # a new connection each time, so that both workers have some
            urllib3.request("GET", f"{url}/stats")
        text = urllib3.request("GET", f"{url}/metrics").data.decode()
    assert 'http_requests_total{method="GET",route="/stats",status="200"} 20.0' in text


def test_a_schema_that_is_newer_stops_the_start(tmp_path, scoring_server, capfd):
    path = tmp_path / "history.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.commit()
    connection.close()
    environment = {"DATABASE_URL": f"sqlite:///{path}", "SCORING_URL": scoring_server.url}
    with pytest.raises(ChildProcessError), gunicorn(**environment):
        pass
    assert "newer than this program" in capfd.readouterr().err
