"""docker/healthcheck.py tells a container that answers from one that does not."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tools import ROOT

NOBODY = "http://127.0.0.1:9"  # discard: nothing answers there


class Server(BaseHTTPRequestHandler):
    """Live, and not ready."""

    def do_GET(self):
        self.send_response(200 if self.path == "/live" else 503)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def port():
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def code_of(path: str, port: int, **environment: str) -> int:
    command = [sys.executable, ROOT / "docker" / "healthcheck.py", path]
    settings = {**os.environ, "PORT": str(port), **environment}
    return subprocess.run(command, env=settings, capture_output=True, check=False).returncode


def test_it_ends_with_0_where_the_path_answers_200_and_only_there(port):
    assert code_of("/live", port) == 0
    assert code_of("/ready", port) != 0


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_the_proxy_that_docker_hands_to_containers_is_not_asked(port, name):
    assert code_of("/live", port, **{name: NOBODY}) == 0
