"""A small Azure on loopback: the control plane in memory, blobs by Azurite, and the names to it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import loopback_azure
import pytest
from azure.core.pipeline.policies import RetryPolicy
from loopback_answers import ACCOUNT, KEY, SUBSCRIPTION, TENANT
from loopback_azure import Azure, root
from loopback_proxy import Certificates, Proxy
from ports import wait_for_port

HERE = Path(__file__).parent
MODEL = "sports-ball-classification"
CONTAINERS = ("workspaceblobstore", "workspaceartifactstore", "code")
SIGNED_IN = {
    "AZURE_TENANT_ID": TENANT,
    "AZURE_CLIENT_ID": "tester",
    "AZURE_CLIENT_SECRET": "secret",
}
POLLING = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0"}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def azurite(tmp_path_factory, certificates) -> Iterator[int]:
    """Azurite's blob service; returns its port. Skips where it is not installed."""
    program = HERE / "node_modules" / ".bin" / "azurite-blob"
    if not (program.exists() and shutil.which("node")):
        pytest.skip("Azurite is not installed: npm ci --ignore-scripts --prefix tests/azure_ml")
    folder = tmp_path_factory.mktemp("azurite")
    port = free_port()
    flags = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    flags += ["--cert", certificates.chain, "--key", certificates.key, "--silent"]
    flags += ["--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
    process = subprocess.Popen(
        [str(program), *[f for f in flags if f not in ("--location", str(folder))]],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def wires(certificates) -> Iterator[SimpleNamespace]:
    """The proxy and the control plane behind it, for all tests; its state is each test's own."""
    state = SimpleNamespace(azure=Azure())

    class Current:
        """Whatever test runs now."""

        def answer(self, *request):
            return state.azure.answer(*request)

    server = certificates.serve(loopback_azure.handler(Current()))
    proxy = Proxy()
    yield SimpleNamespace(state=state, proxy=proxy, port=server.server_address[1])
    for each in (proxy, server):
        each.shutdown()
        each.server_close()


@pytest.fixture
def azure(wires, certificates, monkeypatch) -> Azure:
    """An empty Azure of this test's own, signed in to, with nothing but it in reach."""
    wires.state.azure = Azure()
    wires.proxy.down = False
    wires.proxy.routes = dict.fromkeys(("*.com", "*.ms"), wires.port)
    for name in [n for n in os.environ if n.lower().endswith("_proxy") or n.startswith("AZURE")]:
        monkeypatch.delenv(name)
    settings = {"HTTPS_PROXY": wires.proxy.url, **SIGNED_IN, **POLLING}
    settings |= dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), certificates.authority)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(RetryPolicy, "BACKOFF_MAX", 0)  # how often, not how long, is what counts
    monkeypatch.setattr("azure_ml.arm.POLL_S", 0.01)
    return wires.state.azure


@pytest.fixture
def network(wires, azure) -> Proxy:
    """What lies between the commands and Azure; `down` cuts it."""
    return wires.proxy


@pytest.fixture
def blobs(azure, wires, azurite):
    """Azurite as the workspace's storage account, emptied; a client of the service."""
    from azure.storage.blob import BlobServiceClient

    wires.proxy.routes = {"*.blob.core.windows.net": azurite, **wires.proxy.routes}
    service = BlobServiceClient(f"https://{ACCOUNT}.blob.core.windows.net", KEY)
    for container in service.list_containers():
        service.delete_container(container.name)
    for name in CONTAINERS:
        service.create_container(name)
    return service


@pytest.fixture
def workspace(azure, blobs) -> Azure:
    """An Azure in which `setup` has been: workspace, datastores, clusters and environments."""
    from azure_ml.settings import read

    names = read({})
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{names.resource_group}"
    azure.put(group, {"location": names.location, "tags": {"made-by": "azure_ml-setup"}})
    path = azure.make_workspace(group, names.workspace, names.location)
    for kind in ("cpu", "gpu"):
        azure.put(f"{path}/environments/sports-ball-{kind}/versions/1", {"properties": {}})
    for name in (names.cluster, names.gpu_cluster):
        size = {"vmSize": "Standard_F8s_v2", "scaleSettings": {"minNodeCount": 0}}
        about = {"computeType": "AmlCompute", "properties": size}
        azure.put(f"{path}/computes/{name}", {"properties": about})
    return azure


@pytest.fixture
def models(workspace, blobs):
    """Two versions of the model, the first one the champion, with files behind them."""
    container = blobs.get_container_client("workspaceartifactstore")
    for version, champion in (("1", "true"), ("2", "false")):
        prefix = f"ExperimentRun/dcid.run{version}/model"
        example = {"dataframe_split": {"columns": ["image"], "data": [["aGVsbG8="]]}}
        files = {"MLmodel": b"flavors: {}", "serving_input_example.json": json.dumps(example)}
        files["artifacts/facts.json"] = json.dumps({"run_id": f"run{version}"})
        for name, data in files.items():
            container.upload_blob(f"{prefix}/{name}", data)
        uri = f"azureml:/{root(workspace)}/datastores/workspaceartifactstore/paths/{prefix}"
        tags = {"champion": champion, "challenger": "true", "accuracy": f"0.{version}000"}
        flavors = {"python_function": {"data": {}}}
        about = {"modelUri": uri, "modelType": "mlflow_model", "flavors": flavors}
        path = f"{root(workspace)}/models/{MODEL}/versions/{version}"
        workspace.put(path, {"properties": {**about, "tags": tags, "properties": {}}})
    return workspace


@pytest.fixture
def command(azure, capsys):
    """Runs `python -m azure_ml …` in this process; returns its status, its output, its errors."""
    from azure_ml.__main__ import main

    def run(*arguments: object) -> SimpleNamespace:
        capsys.readouterr()
        try:
            status = main([*map(str, arguments)])
        finally:
            logging.disable(logging.NOTSET)
        said = capsys.readouterr()
        return SimpleNamespace(status=status, out=said.out, err=said.err)

    return run


def free_port() -> int:
    from steps.shared.services import free_port

    return free_port()
