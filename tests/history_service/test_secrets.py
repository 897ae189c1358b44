"""Keys and passwords are in no log, whatever goes wrong and however much is logged."""

import os
import subprocess
import sys

import pytest
import urllib3
from real_parts import ROOT, free_port, gunicorn
from uploading import RED, picture

PASSWORD = "correct-horse-battery-staple"
STRANGERS_KEY = "a-key-that-is-nobodys-0123456789"


@pytest.fixture
def logged(tmp_path, key_and_line, scoring_server):
    """Everything that a service says on its outputs, at LOG_LEVEL=debug, in good times and bad."""
    key, line = key_and_line
    log = tmp_path / "log"
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/history.db",
        "SCORING_URL": scoring_server.url,
        "API_KEYS": line,
        "LOG_LEVEL": "debug",
    }
    with log.open("w") as output:
        # The service's output is that of the test's process.
        program = (
            "import sys; sys.path.insert(0, 'tests/history_service');"
            "from test_secrets import use; use()"
        )
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, **settings, "TEST_KEY": key},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=True,
        )
    return log.read_text()


def use() -> None:
    """Start the service from the environment, and ask it as friends and strangers do."""
    key = os.environ["TEST_KEY"]
    with gunicorn(LOG_LEVEL="debug") as (url, _):
        for secret in (key, STRANGERS_KEY):
            basic = urllib3.make_headers(basic_auth=f"someone:{secret}")
            for headers in ({"Authorization": f"Bearer {secret}"}, {"X-API-Key": secret}, basic):
                urllib3.request("DELETE", f"{url}/predictions/1", headers=headers)
                urllib3.request("GET", f"{url}/stats", headers=headers)
                fields = {"img": ("ball.png", picture(RED))}
                urllib3.request("POST", f"{url}/predict", fields=fields, headers=headers)
                urllib3.request("POST", f"{url}/predict", body=b"x", headers=headers)


def test_no_key_is_logged_neither_a_good_one_nor_a_strangers(logged, key_and_line):
    assert "request" in logged
    for secret in (key_and_line[0], STRANGERS_KEY):
        assert secret not in logged
    assert "Authorization" not in logged


def test_no_password_is_said_where_the_database_is_not_there(tmp_path):
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    nowhere = f"127.0.0.1:{free_port()}/history"
    for url, name in (
        (f"postgresql://history:{PASSWORD}@{nowhere}", ""),
        (f"postgresql://history@{nowhere}", str(file)),
        (f"postgresql://history:{PASSWORD}@{nowhere}?sslmode=nonsense", ""),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "history_service", "upgrade"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "DATABASE_PASSWORD_FILE": name,
                "DATABASE_WAIT_S": "0.2",
                "LOG_LEVEL": "debug",
            },
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode != 0
        assert PASSWORD not in done.stdout + done.stderr
