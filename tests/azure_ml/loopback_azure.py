"""Azure's control and data planes as far as the commands use them, in memory, on loopback.

Resources are kept by their path: PUT keeps, GET gives or lists, DELETE removes. What Azure adds to
them is in loopback_answers; the few actions are methods of `Azure`.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, parse_qsl, urlsplit

from azure.storage.blob import generate_container_sas
from loopback_answers import (
    ACCOUNT,
    ADDED,
    KEY,
    ML,
    REGION,
    SUBSCRIPTION,
    Answer,
    error,
    login,
    price,
)


class Azure:
    """Everything that a test may look at or change: `resources` by path, `faults`, `calls`."""

    def __init__(self) -> None:
        self.resources: dict[str, dict] = {}
        self.faults: list[list] = []
        self.calls: list[tuple[str, str]] = []
        self.subscriptions = [{"subscriptionId": SUBSCRIPTION, "displayName": "test"}]
        self.free_cores = 100
        self.statuses: dict[str, list[str]] = {}
        """By a job's name: what it is asked in turn; the last stays."""
        self.children: list[dict] = []
        self.price = 0.39
        self.soft_deleted: set[str] = set()
        self.score: Callable[[dict, str | None], object] = lambda body, deployment: []
        self.after_submit = "Completed"
        self.logins: list[dict] = []
        """What was shown for each token."""
        self.token_life = 3600
        """Seconds."""

    def fail(self, method: str, pattern: str, status: int, code: str, message: str, times=1):
        """Answer the next `times` calls that fit with an error."""
        self.faults.append([method, re.compile(pattern, re.I), status, code, message, times])

    def answer(self, method: str, host: str, url: str, body: dict, headers) -> Answer:
        """(status, body) of a request."""
        parts = urlsplit(url)
        path, query = parts.path.rstrip("/"), parse_qs(parts.query)
        self.calls.append((method, path))
        for fault in self.faults:
            if fault[5] and fault[0] == method and fault[1].search(path):
                fault[5] -= 1
                if host == "login.microsoftonline.com":
                    return fault[2], {"error": fault[3], "error_description": fault[4]}
                return error(*fault[2:5])
        if host == "login.microsoftonline.com":
            self.logins += [body] if method == "POST" else []
            return login(path, self.token_life)
        if host == "prices.azure.com":
            return 200, {"Items": [price(self.price), price(9, "Windows"), price(0, sku="x Spot")]}
        if host.endswith("inference.ml.azure.com"):
            return 200, self.score(body, headers.get("azureml-model-deployment"))
        if host == REGION:
            return self._history(path)
        return self._arm(method, path, query, body)

    def _arm(self, method: str, path: str, query: dict, body: dict) -> Answer:
        action = path.rsplit("/", 1)[-1].lower()
        special = getattr(self, f"_{method.lower()}_{action}", None)
        if special:
            return special(path, body)
        if method == "PUT":
            return self.put(path, body)
        if method == "PATCH":
            self.resources[path.lower()] |= body
            return 200, self.resources[path.lower()]
        if method == "DELETE":
            return self._delete(path, query)
        return self._get(path, "isDefault" in query)

    def _get(self, path: str, default_only: bool = False) -> Answer:
        key = path.lower()
        if key in self.resources:
            return 200, self._alive(self.resources[key])
        is_list = len(key.partition("/providers/")[2].split("/")) % 2 == 0
        # Without its workspace nothing is there; without a name's container, no version of it is.
        workspace = re.match(rf".*{ML}/workspaces/[^/]+", key)
        if is_list and "/providers/" in key and (not workspace or workspace[0] in self.resources):
            below = [v for k, v in self.resources.items() if k.rpartition("/")[0] == key]
            if default_only:
                below = [v for v in below if v["properties"].get("isDefault")]
            return 200, {"value": [self._alive(v) for v in reversed(below)]}
        kind = "ResourceGroupNotFound" if "/providers/" not in key else "ResourceNotFound"
        return error(404, kind, f"{path} was not found")

    def put(self, path: str, body: dict) -> Answer:
        key, name = path.lower(), path.rsplit("/", 1)[-1]
        if name.lower() in self.soft_deleted:
            return error(409, "Conflict", f"{name} is soft-deleted; recover or purge it")
        _, _, rest = path.partition("/providers/")
        kind = "/".join([rest.split("/")[0], *rest.split("/")[1::2]])
        now = datetime.now(UTC).isoformat()
        made = {
            "id": path,
            "name": name,
            "type": kind,
            "systemData": {"createdAt": now, "lastModifiedAt": now},
        }
        kept = {**body, **made}
        kept.setdefault("properties", {})
        kept["properties"]["provisioningState"] = "Succeeded"
        for pattern, add in ADDED.items():
            if re.search(pattern, key):
                add(self, kept, name)
        self.resources.pop(key, None)  # the newest is the last
        self.resources[key] = kept
        if "/versions/" in key:  # a version makes its container
            container, _, version = path.rpartition("/versions/")
            self._put_container(container, version)
        return 200, kept

    def _put_container(self, path: str, version: str) -> None:
        body = {"properties": {"latestVersion": version, "nextVersion": version}}
        self.put(path, body)

    def _delete(self, path: str, query: dict) -> Answer:
        key, name = path.lower(), path.rsplit("/", 1)[-1].lower()
        gone = [k for k in self.resources if k == key or k.startswith(key + "/")]
        for k in gone:
            del self.resources[k]
        if f"{ML}/workspaces/" in key and key.endswith(f"/workspaces/{name}"):
            purged = query.get("forceToPurge", ["false"])[0].lower() == "true"
            (self.soft_deleted.discard if purged else self.soft_deleted.add)(name)
        return (200, {}) if gone else (204, None)

    def _alive(self, resource: dict) -> dict:
        name = resource["name"]
        if name in self.statuses:
            left = self.statuses[name]
            resource["properties"]["status"] = left.pop(0) if len(left) > 1 else left[0]
        return resource

    def make_workspace(self, group: str, name: str, location: str) -> str:
        """A workspace, what belongs to it, and its two datastores; returns its path."""
        mine = {
            "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}",
            "keyVault": f"{group}/providers/Microsoft.KeyVault/vaults/ballvault",
            "applicationInsights": f"{group}/providers/Microsoft.Insights/components/ballinsights",
        }
        for path in mine.values():
            self.put(path, {"properties": {}})
        path = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}"
        tracking = f"azureml://{REGION}/mlflow/v1.0{path}"
        urls = {"discoveryUrl": f"https://{REGION}/discovery", "mlFlowTrackingUri": tracking}
        self.put(path, {"location": location, "properties": {**mine, **urls}})
        for store in ("workspaceblobstore", "workspaceartifactstore"):
            about = {"datastoreType": "AzureBlob", "accountName": ACCOUNT, "containerName": store}
            about |= {"endpoint": "core.windows.net", "protocol": "https"}
            about["isDefault"] = store == "workspaceblobstore"
            about["credentials"] = {"credentialsType": "AccountKey"}
            self.put(f"{path}/datastores/{store}", {"properties": about})
        return path

    # actions, and collections that are no resources

    def _get_subscriptions(self, path, body) -> Answer:
        return 200, {"value": self.subscriptions}

    def _get_resources(self, path, body) -> Answer:
        start = path.lower().removesuffix("/resources") + "/providers/"
        top = [v for k, v in self.resources.items() if k.startswith(start) and k.count("/") == 8]
        return 200, {"value": [v for v in top if "deployments" not in v["type"]]}

    def _post_register(self, path, body) -> Answer:
        provider = path.removesuffix("/register")
        self.put(provider, {"registrationState": "Registered"})
        return 200, {}

    def _get_vmsizes(self, path, body) -> Answer:
        sizes = {"Standard_F8s_v2": 8, "Standard_NC4as_T4_v3": 4}
        kinds = {"supportedComputeTypes": ["AmlCompute"], "lowPriorityCapable": True, "gpus": 0}
        family = "standardFSv2Family"
        value = [{"name": n, "family": family, "vCPUs": c, **kinds} for n, c in sizes.items()]
        return 200, {"value": value}

    def _get_usages(self, path, body) -> Answer:
        name = {"value": "Standard FSv2 Family Cluster Dedicated vCPUs"}
        return 200, {"value": [{"name": name, "currentValue": 0, "limit": self.free_cores}]}

    def _post_listsecrets(self, path, body) -> Answer:
        return 200, {"secretsType": "AccountKey", "key": KEY}

    def _post_listkeys(self, path, body) -> Answer:
        return 200, {"primaryKey": "one", "secondaryKey": "two"}

    def _post_startpendingupload(self, path, body) -> Answer:
        sas = generate_container_sas(
            ACCOUNT, "code", KEY, permission="racwl", expiry=datetime.now(UTC) + timedelta(hours=1)
        )
        uri = f"https://{ACCOUNT}.blob.core.windows.net/code"
        secret = {"credentialType": "SAS", "sasUri": f"{uri}?{sas}"}
        blob = {"blobUri": uri, "credential": secret, "storageAccountArmId": "x"}
        return 200, {
            "blobReferenceForConsumption": blob,
            "pendingUploadType": "TemporaryBlobReference",
        }

    def _get_operations(self, path, body) -> Answer:
        return 200, {"value": []}

    def _history(self, path: str) -> Answer:
        if path.endswith("/discovery"):
            return 200, {"api": f"https://{REGION}", "history": f"https://{REGION}"}
        name = path.split("/runs/")[1].split("/")[0]
        if path.endswith("/children"):
            return 200, {"value": self.children}
        job = next(v for k, v in self.resources.items() if k.endswith(f"/jobs/{name.lower()}"))
        status = self._alive(job)["properties"]["status"]
        details = {"runId": name, "status": status, "logFiles": {}, "properties": {}}
        if status == "Failed":
            details["error"] = {"error": {"code": "UserError", "message": "a step failed"}}
        return 200, details


def root(azure: Azure) -> str:
    """The workspace's path."""
    return next(r["id"] for k, r in azure.resources.items() if k.endswith("mlops-sports-ball-ws"))


def parsed(raw: bytes, kind: str) -> dict:
    """The body of a request, where it is JSON or a form."""
    if "form" in kind:
        return dict(parse_qsl(raw.decode()))
    return json.loads(raw) if raw and "json" in kind else {}


def handler(azure: Azure) -> type[BaseHTTPRequestHandler]:
    """What an HTTP server needs to speak as `azure`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = parsed(raw, self.headers.get("Content-Type") or "")
            host = self.headers["Host"].partition(":")[0]
            status, answer = azure.answer(self.command, host, self.path, body, self.headers)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("x-ms-retry-after-ms", "10")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _answer

        def log_message(self, *_) -> None:
            pass

    return Handler
