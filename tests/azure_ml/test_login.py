"""Who signs in to Azure: a job of GitHub Actions without a secret, for as long as it takes."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest


@pytest.fixture
def github(azure, monkeypatch):
    """GitHub as a job sees it: it says which job asks, in other words each time."""
    state = SimpleNamespace(status=200, asked=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            state.asked.append((self.headers["Authorization"], query))
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(json.dumps({"value": f"statement {len(state.asked)}"}).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.delenv("AZURE_CLIENT_SECRET")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of this job")
        url = f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        yield state
        server.shutdown()


def test_a_job_shows_what_github_says_of_it(command, models, github):
    done = command("models")

    assert done.status == 0, done.err
    wanted = {"api-version": ["2.0"], "audience": ["api://AzureADTokenExchange"]}
    assert github.asked[0] == ("Bearer of this job", wanted)
    assert models.logins[0]["client_assertion"] == "statement 1"
    assert "client_secret" not in models.logins[0]


def test_github_is_asked_again_when_a_token_has_run_out(command, models, github):
    models.token_life = 0

    assert command("models").status == 0

    shown = [login["client_assertion"] for login in models.logins]
    assert len(shown) > 1
    assert len(set(shown)) == len(shown)


def test_a_job_without_the_permission_is_told(command, models, github):
    github.status = 403

    done = command("models")

    assert done.status == 1
    assert "permissions: {id-token: write}" in done.err
    assert "\n" not in done.err.strip()


def test_a_secret_goes_before(command, models, github, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret")

    assert command("models").status == 0

    assert github.asked == []
    assert models.logins[0]["client_secret"] == "secret"
