"""docker/compose.yaml keeps what its head promises."""

from pathlib import Path

import pytest
import yaml
from engine import SERVICES
from tools import ROOT, run_tool

COMPOSE = ROOT / "docker" / "compose.yaml"
OWN = ("model", "history", "migration", "tracking")


def test_it_is_valid_by_the_schema_of_compose():
    run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_by_default_only_the_history_service_is_published_and_only_on_the_loopback():
    ports = {name: one.get("ports", []) for name, one in SERVICES.items() if "profiles" not in one}

    assert {name for name, given in ports.items() if given} == {"history"}
    assert ports["history"] == ["${HISTORY_ADDRESS:-127.0.0.1}:${HISTORY_PORT:-8000}:8000"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined_and_limited(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == ("on-failure" if name == "migration" else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_a_foreign_image_is_pinned_by_digest_and_an_own_one_is_built_here(name):
    service = SERVICES[name]

    if name in OWN:
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    else:
        assert "@sha256:" in service["image"]


def test_the_history_service_waits_for_model_database_and_migration():
    waits = {name: one["condition"] for name, one in SERVICES["history"]["depends_on"].items()}

    assert waits == {
        "model": "service_healthy",
        "database": "service_healthy",
        "migration": "service_completed_successfully",
    }


def test_the_model_and_the_database_share_no_network():
    assert not set(SERVICES["model"]["networks"]) & set(SERVICES["database"]["networks"])


def test_secrets_are_files_that_git_and_the_images_leave_out():
    secrets = yaml.safe_load(COMPOSE.read_text())["secrets"]

    assert all(one["file"].startswith("./secrets/") for one in secrets.values())
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert "docker/secrets" in (ROOT / ".dockerignore").read_text().splitlines()
    assert "PASSWORD:" not in COMPOSE.read_text()


def test_secrets_are_made_once_in_a_folder_closed_to_others(tmp_path):
    folder = tmp_path / "secrets"
    for _ in range(2):
        run_tool("sh", ROOT / "docker" / "secrets.sh", folder)
        made = {path.name: path.read_text() for path in folder.iterdir()}

    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(made["database_password"]) == 48
    run_tool("sh", ROOT / "docker" / "secrets.sh", folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docker").glob("*.Dockerfile")), ids=lambda p: p.name
)
def test_a_dockerfile_passes_hadolint_and_pins_its_bases(path: Path):
    run_tool("hadolint", path)
    bases = [line for line in path.read_text().splitlines() if line.startswith("ARG PYTHON_IMAGE=")]
    bases += [line for line in path.read_text().splitlines() if line.startswith("ARG BASE_IMAGE=")]

    assert all("@sha256:" in line for line in bases)
    assert bases or path.name == "baked.Dockerfile"
