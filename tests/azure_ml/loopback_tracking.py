"""Azure ML's MLflow address: a real MLflow server behind TLS, and artefacts by signed blob URLs.

`like_azure`: answer 404, with nothing in it, to what Azure's own server does not know.
"""

import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, quote, urlsplit

from azure.storage.blob import BlobServiceClient, generate_blob_sas
from loopback_answers import ACCOUNT, KEY, REGION, SUBSCRIPTION

CONTAINER = "azureml"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mlops-examen-rg/providers/"
    "Microsoft.MachineLearningServices/workspaces/mlops-sports-ball-ws"
)
TRACKING = f"azureml://{REGION}/mlflow/v1.0{WORKSPACE}"
UNKNOWN_TO_AZURE = re.compile(r"/logged-models|/alias|/runs/log-inputs|/runs/outputs")


class Front:
    """State of the front: where the MLflow server is, and what has been asked."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.blobs: BlobServiceClient
        self.like_azure = False
        self.refused: list[str] = []

    def answer(self, method: str, url: str, body: bytes, headers) -> tuple[int, bytes]:
        """(status, body) of a request."""
        path = urlsplit(url).path
        if not headers.get("Authorization", "").startswith("Bearer "):
            return 401, b"{}"
        if path.startswith("/history/"):
            return self._artifacts(path, parse_qs(urlsplit(url).query), body)
        if self.like_azure and UNKNOWN_TO_AZURE.search(path):
            self.refused.append(path)
            return 404, b""
        return self._forward(
            method, re.sub(r"^/mlflow/v[\d.]+/.*?/workspaces/[^/]+", "", url), body
        )

    def _forward(self, method: str, url: str, body: bytes) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.upstream + url, body or None, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def _artifacts(self, path: str, query: dict, body: bytes) -> tuple[int, bytes]:
        run = path.split("/runs/")[1].split("/")[0]
        if path.endswith("/batch/metadata"):
            names = [item["path"] for item in json.loads(body)["paths"]]
            about = {name: self._signed(run, name) for name in names}
            return 200, json.dumps({"artifactContentInformation": about, "errors": {}}).encode()
        if path.endswith("/contentinfo"):
            return 200, json.dumps(self._signed(run, query["path"][0])).encode()
        prefix = f"ExperimentRun/dcid.{run}/"
        found = self.blobs.get_container_client(CONTAINER).list_blobs(name_starts_with=prefix)
        value = [self._about(run, blob.name.removeprefix(prefix)) for blob in found]
        return 200, json.dumps({"value": value}).encode()

    def _about(self, run: str, name: str) -> dict:
        return {"origin": "ExperimentRun", "container": f"dcid.{run}", "path": name}

    def _signed(self, run: str, name: str) -> dict:
        blob = f"ExperimentRun/dcid.{run}/{name}"
        until = datetime.now(UTC) + timedelta(hours=1)
        token = generate_blob_sas(
            ACCOUNT, CONTAINER, blob, account_key=KEY, permission="racw", expiry=until
        )
        url = f"https://{ACCOUNT}.blob.core.windows.net/{CONTAINER}/{quote(blob)}?{token}"
        return {**self._about(run, name), "contentUri": url}


def handler(front: Front) -> type[BaseHTTPRequestHandler]:
    """What an HTTP server needs to speak as `front`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data = front.answer(self.command, self.path, body, self.headers)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer

        def log_message(self, *_) -> None:
            pass

    return Handler
