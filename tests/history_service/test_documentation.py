"""docs/api.md: its examples run, its table is the settings', and no route is left out."""

import os
import re
import subprocess
import sys
import urllib.request

import pytest
from real_parts import ROOT, gunicorn
from uploading import RED, picture

from history_service.settings import settings_table

TEXT = (ROOT / "docs/api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(bash|python)\n(.*?)```", TEXT, flags=re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def place(tmp_path_factory, scoring_url, key_and_line):
    """A running service and a folder with ball.jpg: (address, folder, environment)."""
    folder = tmp_path_factory.mktemp("documentation")
    (folder / "ball.jpg").write_bytes(picture(RED, form="JPEG"))
    settings = {
        "DATABASE_URL": f"sqlite:///{folder}/history.db",
        "SCORING_URL": scoring_url,
        "API_KEYS": key_and_line[1],
        "KEEP_IMAGES": "thumb",
    }
    with gunicorn(**settings) as (url, _):
        yield url, folder, {**os.environ, "KEY": key_and_line[0]}


def test_the_examples_run_as_they_are_written_from_top_to_bottom(place):
    url, folder, environment = place
    assert len(EXAMPLES) > 15
    for language, code in EXAMPLES:
        program = [sys.executable, "-c"] if language == "python" else ["bash", "-euc"]
        run = subprocess.run(
            [*program, code.replace(ADDRESS, url)],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, f"{code}\n{run.stdout}\n{run.stderr}"
    assert urllib.request.urlopen(f"{url}/stats").status == 200


def test_the_table_of_settings_is_that_of_the_program():
    table = re.search(r"<!-- settings: .*? -->\n(.*?)<!-- end of settings -->", TEXT, re.DOTALL)
    assert table.group(1).strip() == "\n".join(settings_table())


def test_every_route_has_its_chapter_and_every_chapter_its_route(client):
    paths = client.get("/openapi.json").json["paths"]
    routes = {f"{method.upper()} {path}" for path in paths for method in paths[path]}
    assert set(re.findall(r"^### ((?:GET|POST|DELETE) \S+)$", TEXT, re.MULTILINE)) == routes


def test_every_code_of_a_problem_is_in_the_table():
    sources = "".join(path.read_text() for path in (ROOT / "history_service").rglob("*.py"))
    used = set(re.findall(r'\b[45]\d\d(?:: \(|, )"([a-z_]+)", ', sources))
    assert len(used) > 10
    assert {code for code in used if f"`{code}`" not in TEXT} == set()
