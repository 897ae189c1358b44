"""The manifests, as `kubectl kustomize` renders them: valid, by policy, and true to the service."""

import functools

import pytest
import yaml
from tools import ROOT, run_tool

from history_service.settings import SETTINGS

OVERLAYS = ("local", "production")
VERSIONS = ("1.31", "1.32", "1.33", "1.34")
MODEL_SETTINGS = {"MODEL_PATH", "MLFLOW_TRACKING_URI", "MLFLOW_MODELS_WORKERS"}


@functools.cache
def rendered(overlay: str) -> str:
    return run_tool("kubectl", "kustomize", ROOT / "k8s" / "overlays" / overlay)


def objects(overlay: str, kind: str) -> dict[str, dict]:
    """All objects of a kind, by name without the hash of their contents."""
    found = [one for one in yaml.safe_load_all(rendered(overlay)) if one["kind"] == kind]
    return {one["metadata"]["name"]: one for one in found}


def pods(overlay: str) -> dict[str, dict]:
    """The pods' specifications of deployments and jobs."""
    owners = objects(overlay, "Deployment") | objects(overlay, "Job")
    return {name: owner["spec"]["template"]["spec"] for name, owner in owners.items()}


def containers(overlay: str) -> list[dict]:
    return [
        container
        for pod in pods(overlay).values()
        for container in [*pod["containers"], *pod.get("initContainers", [])]
    ]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_overlay_is_valid(overlay, version, tmp_path):
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(overlay))

    run_tool("kubernetes-validate", "--strict", "--kubernetes-version", version, file)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_checkov_finds_nothing_that_is_not_explained(overlay, tmp_path):
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(overlay))

    run_tool("checkov", "--config-file", ROOT / "k8s" / "checkov.yaml", "--file", file)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kube_linter_finds_nothing(overlay, tmp_path):
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(overlay))

    run_tool("kube-linter", "lint", file)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_image_has_a_version(overlay):
    images = {container["image"] for container in containers(overlay)}

    assert images
    assert all(":" in image and not image.endswith(":latest") for image in images)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_key_is_a_setting(overlay):
    known = {setting.name for setting in SETTINGS}
    for name, config in objects(overlay, "ConfigMap").items():
        allowed = MODEL_SETTINGS if name.startswith("model-") else known
        assert set(config["data"]) <= allowed


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_is_confined_as_the_restricted_standard_demands(overlay):
    for pod in pods(overlay).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}


def test_a_roll_out_takes_no_pod_before_another_is_ready_and_pauses_before_the_signal():
    for name, deployment in objects("production", "Deployment").items():
        spec = deployment["spec"]
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]

        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert pod["terminationGracePeriodSeconds"] > pause + (25 if name == "model" else 15)


def test_liveness_asks_for_neither_model_nor_database_and_readiness_not_for_the_model():
    (container,) = pods("production")["history"]["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready?model=false"


def test_only_the_history_service_reaches_the_model_and_with_its_migration_the_database():
    policies = objects("production", "NetworkPolicy")
    names = {"matchLabels": {"app.kubernetes.io/name": "history"}}

    assert policies["nobody"]["spec"]["podSelector"] == {}
    assert [one["podSelector"] for one in policies["model"]["spec"]["ingress"][0]["from"]] == [
        names
    ]
    reach_database = policies["database"]["spec"]["podSelector"]["matchExpressions"][0]["values"]
    assert reach_database == ["history", "migration"]


def test_production_runs_three_of_each_and_changes_the_model_by_one_line():
    scalers = objects("production", "HorizontalPodAutoscaler")
    text = (ROOT / "k8s" / "overlays" / "production" / "kustomization.yaml").read_text()

    assert {one["spec"]["minReplicas"] for one in scalers.values()} == {3}
    assert text.count("MODEL_PATH=") == 1


def test_a_baked_model_is_fetched_by_nobody_and_needs_no_way_out():
    assert "initContainers" not in pods("local")["model"]
    assert "egress" not in objects("local", "NetworkPolicy")["model"]["spec"]
