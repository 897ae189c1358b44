"""A roll-out rehearsed: two history services and two model servers behind HAProxy, exchanged one
after the other under the load of 32 clients, and nobody notices.

HAProxy plays the cluster's part: requests to the history services through a proxy that knows HTTP,
as an ingress does; connections to the model servers through one that does not, as a Service does.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from engine import Container, running
from load import Load, stored_ids
from waiting import wait_until

pytestmark = pytest.mark.containers
CLIENTS = 32
PAUSE_S = 2.0
"""What preStop's ten seconds are in the cluster: from "no new requests" to the signal."""
GRACE_S = 40
CONFIG = """
global
  stats socket {folder}/admin level admin
defaults
  mode http
  timeout connect 2s
  timeout client 90s
  timeout server 90s
frontend ingress
  bind 127.0.0.1:{front}
  default_backend history
backend history
  balance leastconn
  option httpchk GET /health/ready
  default-server check inter 500ms fall 3
  server history-0 127.0.0.1:{history[0]}
  server history-1 127.0.0.1:{history[1]}
frontend service
  mode tcp
  bind 127.0.0.1:{service}
  default_backend model
backend model
  mode tcp
  balance roundrobin
  option httpchk GET /ping
  default-server check inter 500ms fall 3
  server model-0 127.0.0.1:{model[0]}
  server model-1 127.0.0.1:{model[1]}
"""


class Proxy:
    """A running HAProxy that is told, over its socket, whom to send nothing new."""

    def __init__(self, folder: Path, ports: dict) -> None:
        self._socket = folder / "admin"
        config = folder / "haproxy.cfg"
        config.write_text(CONFIG.format(folder=folder, **ports))
        self.process = subprocess.Popen(["haproxy", "-db", "-f", config], stderr=subprocess.DEVNULL)

    def tell(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\n".encode())
            return connection.makefile().read()

    def wait_until_up(self, server: str, seconds: float = 120.0) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            rows = self.tell("show stat").splitlines() if self._socket.exists() else []
            if any(f"{server}," in row and ",UP," in row for row in rows):
                return
            time.sleep(0.2)
        raise TimeoutError(f"{server} does not come up")


class Cluster:
    """Two of each, and what it takes to start one of them again."""

    def __init__(
        self, stack: contextlib.ExitStack, ports: dict, model: Path, database: str
    ) -> None:
        self._stack, self._ports, self._model, self._database = stack, ports, model, database
        self._running: dict[str, Container] = {}

    def start(self, name: str, number: int) -> None:
        """Start one, on its own port, and wait until it answers."""
        port = self._ports[name][number]
        settings = {"HOST": "127.0.0.1", "PORT": str(port)}
        mount: tuple[str, ...] = ("--volume", f"{self._model}:/model:ro")
        if name == "history":
            mount = ()
            settings |= {"DATABASE_URL": self._database, "DEADLINE_S": "60"}
            settings["SCORING_URL"] = f"http://127.0.0.1:{self._ports['service']}"
        container = self._stack.enter_context(running(name, *mount, **settings))
        container.wait_for(
            f"http://127.0.0.1:{port}/{'ping' if name == 'model' else 'health/live'}"
        )
        self._running[f"{name}-{number}"] = container

    def exchange(self, proxy: Proxy, name: str, number: int) -> None:
        """What a roll-out does to one pod: nothing new, a pause, SIGTERM, another in its place."""
        server = f"{name}/{name}-{number}"
        proxy.tell(f"set server {server} state drain")
        time.sleep(PAUSE_S)
        container = self._running[f"{name}-{number}"]
        assert container.stop(GRACE_S) < GRACE_S
        assert container.state()["ExitCode"] == 0
        self.start(name, number)
        proxy.tell(f"set server {server} state ready")
        proxy.wait_until_up(f"{name},{name}-{number}")


@pytest.fixture
def cluster(images, model_folder, postgres, free_port, tmp_path):
    """Two of each behind HAProxy; yields the cluster, the proxy and the address."""
    if shutil.which("haproxy") is None:
        pytest.skip("no haproxy here: apt-get install haproxy")
    ports = {name: [free_port(), free_port()] for name in ("model", "history")}
    ports |= {"front": free_port(), "service": free_port()}
    with contextlib.ExitStack() as stack:
        proxy = Proxy(tmp_path, ports)
        stack.callback(proxy.process.wait)
        stack.callback(proxy.process.terminate)
        cluster = Cluster(stack, ports, model_folder, postgres)
        for name in ("model", "history"):
            for number in (0, 1):
                cluster.start(name, number)
                proxy.wait_until_up(f"{name},{name}-{number}")
        yield cluster, proxy, f"http://127.0.0.1:{ports['front']}"


def test_a_roll_out_of_both_under_load_fails_no_request_and_loses_no_row(
    cluster, postgres, photograph
):
    services, proxy, url = cluster
    before = set(stored_ids(postgres))

    with Load(url, photograph, CLIENTS) as load:
        wait_until(lambda: load.statuses.total() >= 2 * CLIENTS)
        for name in ("model", "history"):
            for number in (0, 1):
                services.exchange(proxy, name, number)
        enough = load.statuses.total() + 2 * CLIENTS
        wait_until(lambda: load.statuses.total() >= enough)

    assert not load.broken
    assert set(load.statuses) == {200}
    assert sorted(load.ids) == sorted(set(stored_ids(postgres)) - before)
    print(f"{len(load.ids)} requests through four exchanges, none failed")
