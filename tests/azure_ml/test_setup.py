"""setup: the plan, the real thing, repeating it, and what stands in its way."""

import pytest
from loopback_answers import ML, SUBSCRIPTION

WORKSPACE = f"/providers/{ML.rpartition('/')[2]}/workspaces/mlops-sports-ball-ws"


def paths(azure, part: str) -> list[str]:
    return [path for path in azure.resources if part in path]


def test_the_dry_run_needs_no_login_and_names_every_file(command, monkeypatch, network):
    network.down = True

    done = command("setup", "--dry-run", "--gpu")

    assert done.status == 0
    for file in ("workspace", "compute", "compute_gpu", "environments/gpu", "components/train_gpu"):
        assert f"--file azure_ml/{file}.yaml" in done.out
    assert "az group create --name mlops-examen-rg --location westeurope" in done.out
    assert "price not known" in done.out


def test_names_come_from_the_environment(command, monkeypatch, network):
    network.down = True
    monkeypatch.setenv("AZURE_ML_LOCATION", "northeurope")
    monkeypatch.setenv("AZURE_ML_CLUSTER", "mine")

    said = command("setup", "--dry-run").out

    assert "--location northeurope" in said
    assert "--name mine" in said


def test_setup_makes_everything_and_a_repetition_makes_nothing(command, azure, blobs):
    first = command("setup")

    assert first.status == 0, first.err
    assert "0.39 USD an hour (Standard_F8s_v2 in westeurope)" in first.out
    assert len(paths(azure, f"{WORKSPACE}/environments/sports-ball-cpu/versions/")) == 1
    assert len(paths(azure, "/components/sports_ball_train/versions/")) == 1
    (role,) = paths(azure, "/roleassignments/")
    assert f"{WORKSPACE}/providers/microsoft.authorization" in role
    made = dict(azure.resources)
    azure.calls.clear()

    again = command("setup")

    assert again.status == 0, again.err
    assert azure.resources.keys() == made.keys()
    assert {method for method, _ in azure.calls} <= {"GET", "POST"}
    assert not [path for method, path in azure.calls if method == "POST" and "token" not in path]


@pytest.mark.slow
def test_what_travels_is_the_code_that_runs(command, azure, blobs):
    assert command("setup").status == 0

    names = {blob.name for blob in blobs.get_container_client("code").list_blobs()}

    assert any(name.endswith("steps/train.py") for name in names)
    assert not [name for name in names if "history_service" in name or ".venv" in name]


@pytest.mark.slow
def test_setup_goes_on_where_it_stopped(command, azure, blobs):
    azure.fail("PUT", "/computes/", 409, "ClusterCoreQuotaReached", "Not enough quota.")
    assert command("setup").status == 1

    done = command("setup")

    assert done.status == 0, done.err
    assert "workspace mlops-sports-ball-ws … is there" in done.out


@pytest.mark.slow
def test_busy_answers_are_tried_again(command, azure, blobs):
    for status in (429, 500, 503):
        azure.fail("GET", "/resourcegroups/[^/]+$", status, "Busy", "later")
        azure.fail("PUT", "/environments/", status, "Busy", "later")

    assert command("setup").status == 0


def test_too_small_a_quota_is_told_before_anything_waits_for_it(command, azure, blobs):
    azure.free_cores = 4

    done = command("setup")

    assert done.status == 1
    assert "needs 8 cores, and 4 of 4 are free in westeurope" in done.err
    assert "az ml compute list-usage --location westeurope" in done.err
    assert not paths(azure, "/computes/")


def test_a_failed_cluster_is_told(command, workspace):
    for cluster in paths(workspace, "/computes/"):
        workspace.resources[cluster]["properties"]["provisioningState"] = "Failed"

    done = command("setup")

    assert done.status == 1
    assert "cluster sports-ball-cluster has failed" in done.err
    assert "az ml compute delete" in done.err


def test_a_location_without_the_machine_is_told(command, azure, blobs, monkeypatch):
    monkeypatch.setattr(azure, "_get_vmsizes", lambda path, body: (200, {"value": []}))

    assert "has no Standard_F8s_v2" in command("setup").err


REFUSALS = {
    "not logged in": ("POST", "/token", 401, "invalid_client", "bad secret", "az login"),
    "wrong subscription": (
        "GET",
        "/resourcegroups/",
        404,
        "SubscriptionNotFound",
        "The subscription could not be found.",
        "AZURE_SUBSCRIPTION_ID",
    ),
    "missing role": (
        "PUT",
        "/resourcegroups/[^/]+$",
        403,
        "AuthorizationFailed",
        "The client does not have authorization to perform action "
        "'Microsoft.Resources/subscriptions/resourcegroups/write' over scope '/subscriptions/2'.",
        'az role assignment create --assignee YOU --role "Contributor" --scope /subscriptions/2',
    ),
    "no right to give roles": (
        "PUT",
        "/roleassignments/",
        403,
        "AuthorizationFailed",
        "not allowed to perform action 'Microsoft.Authorization/roleAssignments/write' over scope "
        "'/subscriptions/2'.",
        "User Access Administrator",
    ),
    "quota": (
        "PUT",
        "/computes/",
        400,
        "ClusterCoreQuotaReached",
        "Quota exceeded.",
        "https://aka.ms/azureml-quota",
    ),
    "name taken": (
        "PUT",
        "/deployments/",
        409,
        "Conflict",
        "A soft-deleted workspace with this name exists.",
        "python -m azure_ml cleanup",
    ),
    "a policy": (
        "PUT",
        "/resourcegroups/[^/]+$",
        403,
        "RequestDisallowedByPolicy",
        "Resource was disallowed by policy.",
        "ask",
    ),
    "Azure ill": ("PUT", "/resourcegroups/[^/]+$", 500, "Ill", "ill", "try again in some minutes"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_an_error_is_one_line_with_the_command_that_helps(command, azure, blobs, refusal):
    method, pattern, status, code, message, helps = refusal
    azure.fail(method, pattern, status, code, message, times=99)

    done = command("setup")

    assert done.status == 1
    assert done.err.startswith("setup: ")
    assert done.err.count("\n") == 1, done.err
    assert helps in done.err


def test_verbose_shows_where_an_error_comes_from(command, azure):
    azure.fail("PUT", "/resourcegroups/", 403, "AuthorizationFailed", "no", times=9)

    assert "Traceback" in command("setup", "--verbose").err


def test_without_a_network_one_line_says_so(command, network):
    network.down = True

    done = command("setup")

    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "no connection" in done.err or "not logged in" in done.err


def test_one_of_several_subscriptions_must_be_named(command, azure, blobs, monkeypatch):
    azure.subscriptions += [{"subscriptionId": "other", "displayName": "second"}]

    done = command("setup")

    assert f"set AZURE_SUBSCRIPTION_ID to one of: test ({SUBSCRIPTION}), second (other)" in done.err

    azure.fail("PUT", "/resourcegroups/", 403, "RequestDisallowedByPolicy", "not here")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
    assert f"subscription {SUBSCRIPTION}" in command("setup").out


def test_who_sees_no_subscription_is_told(command, azure):
    azure.subscriptions = []

    assert "sees no subscription" in command("setup").err


@pytest.mark.slow
def test_low_priority_and_gpu_are_options(command, azure, blobs):
    assert command("setup", "--gpu", "--low-priority").status == 0

    clusters = [azure.resources[path] for path in paths(azure, "/computes/")]
    tiers = {c["properties"]["properties"]["vmPriority"] for c in clusters}
    assert (len(clusters), tiers) == (2, {"LowPriority"})
    assert paths(azure, "/environments/sports-ball-gpu/versions/")
