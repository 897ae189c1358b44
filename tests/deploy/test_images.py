"""Both images, as `make images` builds them: what is in them, and how they behave when run."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from engine import call, inspect, running
from load import Load, stored_ids
from waiting import wait_until

pytestmark = pytest.mark.containers
NAMES = ("model", "history")
LARGEST_MB = {"model": 600, "history": 150}
GRACE_S = {"model": 45, "history": 40}


@pytest.fixture
def served(images, model_folder, free_port):
    """The model server on a mounted model; yields its address and the container."""
    port = free_port()
    mount = ("--volume", f"{model_folder}:/model:ro")
    with running("model", *mount, HOST="127.0.0.1", PORT=str(port)) as container:
        container.wait_for(f"http://127.0.0.1:{port}/ping")
        yield f"http://127.0.0.1:{port}", container


@pytest.fixture
def history(served, postgres, free_port, tmp_path):
    """The history service in front of it, on PostgreSQL; yields its address and the container."""
    (tmp_path / "password").write_text("not asked for here")
    tmp_path.chmod(0o755)
    port = free_port()
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SCORING_URL": served[0],
        "DATABASE_URL": postgres,
        "DATABASE_PASSWORD_FILE": "/run/secrets/password",
    }
    mount = ("--volume", f"{tmp_path}:/run/secrets:ro")
    with running("history", *mount, **settings) as container:
        container.wait_for(f"http://127.0.0.1:{port}/health/ready")
        yield f"http://127.0.0.1:{port}", container


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_no_larger_than_promised(images, name):
    assert inspect(name)["Size"] <= LARGEST_MB[name] * 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_an_image_says_what_it_is_and_runs_as_a_numbered_user(images, name):
    config = inspect(name)["Config"]

    assert config["User"] == "65532:65532"
    assert config["Labels"]["org.opencontainers.image.version"]
    assert config["Labels"]["org.opencontainers.image.revision"]
    assert inspect(name)["Healthcheck"]["Test"][:2] == ["CMD", "python"]


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_no_shell_no_pip_and_nothing_that_a_user_could_change(images, name):
    look = (
        "import os, shutil, importlib.util as u;"
        "print(shutil.which('sh'), u.find_spec('pip'), os.getuid(),"
        " [p for p in ('/', '/app', '/opt/venv', '/usr/local/lib') if os.access(p, os.W_OK)])"
    )

    with running(name, "--entrypoint", "python", "--", "-c", look) as container:
        call("podman", "wait", container.id)
        said = container.logs().strip().splitlines()[-1]

    assert said == "None None 65532 []"


@pytest.mark.parametrize("name", NAMES)
def test_an_image_brings_a_list_of_what_is_in_it(images, name):
    show = f"print(open('/usr/share/sbom/{name}.cdx.json').read())"

    with running(name, "--entrypoint", "python", "--", "-c", show) as container:
        call("podman", "wait", container.id)
        said = container.logs()

    document = json.loads(said[said.index("{") :])
    names = {component["name"] for component in document["components"]}
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert {"python", "libffi8", "pillow"} <= names
    assert ("onnxruntime" if name == "model" else "gunicorn") in names
    assert "tensorflow-cpu" not in names


def test_a_picture_goes_through_both_into_postgresql(history, postgres, photograph):
    url, container = history
    fields = {"img": ("ball.jpg", photograph.read_bytes())}

    answer = urllib3.request("POST", f"{url}/predict", fields=fields).json()

    assert answer["predicted_label"] in answer["all_scores"]
    assert answer["id"] in stored_ids(postgres)
    call("podman", "healthcheck", "run", container.id)


def test_the_largest_requests_fit_into_what_the_containers_may_have(history, served, photograph):
    padded = photograph.read_bytes().ljust(10 * 1024 * 1024, b"\0")
    parts = [("img", (f"{i}.jpg", padded, "image/jpeg")) for i in range(16)]
    body, form = urllib3.encode_multipart_formdata(parts)

    def send(_):
        headers = {"Content-Type": form}
        url = f"{history[0]}/predict"
        return urllib3.request("POST", url, body=body, headers=headers, timeout=60).status

    with ThreadPoolExecutor(4) as pool:
        statuses = set(pool.map(send, range(4)))

    assert 200 in statuses
    assert statuses <= {200, 408, 503, 504}  # where the machine is slow, some come too late
    for _, container in (history, served):
        state = container.state()
        assert state["Running"] and not state["OOMKilled"]


@pytest.mark.parametrize("stopped", NAMES)
def test_sigterm_under_load_loses_nothing(history, served, postgres, photograph, stopped):
    url, _ = history
    container = (history if stopped == "history" else served)[1]
    before = set(stored_ids(postgres))

    with Load(url, photograph, clients=8) as load:
        wait_until(lambda: len(load.ids) >= 20)
        seconds = container.stop(GRACE_S[stopped])

    # What it had taken in was finished: a row for every answer, an answer for every row.
    assert sorted(load.ids) == sorted(set(stored_ids(postgres)) - before)
    assert set(load.statuses) <= ({200} if stopped == "history" else {200, 503})
    assert container.state()["ExitCode"] == 0
    assert seconds < GRACE_S[stopped]


def test_the_migration_of_the_compose_file_and_the_job_runs(images, postgres):
    command = ("--", "flask", "--app", "history_service", "upgrade")

    with running("history", *command, DATABASE_URL=postgres) as container:
        assert call("podman", "wait", container.id).strip() == "0", container.logs()


def test_a_model_that_is_not_there_ends_the_start_with_one_line(images):
    with running("model", MODEL_PATH="models:/nothing/1") as container:
        assert call("podman", "wait", container.id).strip() == "1"
        said = container.logs().strip()

    assert said.splitlines()[-1].startswith("model server: MODEL_PATH=models:/nothing/1 needs")


def test_a_fetched_model_is_a_folder_to_serve(images, model_folder, tmp_path):
    tmp_path.chmod(0o777)
    mounts = ("--volume", f"{model_folder}:/source:ro", "--volume", f"{tmp_path}:/target")

    with running("model", *mounts, "--", "--fetch", "/target", MODEL_PATH="/source") as container:
        assert call("podman", "wait", container.id).strip() == "0", container.logs()

    assert (tmp_path / "MLmodel").is_file()
