"""HTTP to the scoring server: the one place that knows how the served model is asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import urllib3
from pybase64 import b64encode
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from history_service import tracing
from history_service.answers import Scored, read_answer
from history_service.scoring_errors import ModelDown, ModelNonsense, ModelTooSlow, PictureRefused


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds: for a connection, and for the answer once connected."""

    connect_s: float
    read_s: float

    def within(self, left_s: float) -> Timeouts:
        """The same, cut so that neither goes beyond the time that is left."""
        left_s = max(left_s, 0.001)
        return Timeouts(min(self.connect_s, left_s), min(self.read_s, left_s))


class ScoringClient:
    """One connection pool to one scoring server, for all threads of a process.

    connections: most connections at one time; a thread beyond them waits for a free one.
    """

    def __init__(self, url: str, timeouts: Timeouts, connections: int):
        self._url = url.rstrip("/")
        self._timeouts = timeouts
        self._pool = urllib3.PoolManager(maxsize=connections, block=True, retries=False)

    def ping(self) -> None:
        """Returns where the scoring server says that it is well. Raises ScoringError."""
        if self._request("GET", "/ping", None, self._timeouts).status != 200:
            raise ModelDown("ping")

    def score(
        self, pictures: Sequence[bytes], left_s: float, explain: bool = False
    ) -> list[Scored | PictureRefused]:
        """Classifies encoded pictures in one call; one result a picture, in order.

        left_s: seconds until nobody waits for the answer any more; explain: asks for heat maps.
        Raises ModelDown, ModelTooSlow or ModelNonsense where there is no result for any of them.
        """
        body = _request_body(pictures, explain)
        started = time.perf_counter()
        with tracing.span("model.score", pictures=len(pictures)) as headers:
            response = self._request(
                "POST", "/invocations", body, self._timeouts.within(left_s), headers
            )
        if response.status in (502, 503, 504):
            raise ModelDown(f"status {response.status}")
        if response.status != 200:
            raise ModelNonsense(f"status {response.status}")
        latency_ms = round((time.perf_counter() - started) * 1000, 3)
        return read_answer(response.data, len(pictures), latency_ms)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        timeouts: Timeouts,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._send(method, path, body, timeouts, headers)
        except ProtocolError as error:
            if not _was_closed_unanswered(error):
                raise ModelDown("connection broken") from error
        # The server closed a connection that lay idle, just as it was used again: nothing was
        # processed. (Where it died instead, asking again does no harm: scoring changes nothing.)
        try:
            return self._send(method, path, body, timeouts, headers)
        except ProtocolError as error:
            raise ModelDown("connection broken") from error

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        timeouts: Timeouts,
        headers: dict[str, str] | None,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                self._url + path,
                body=body,
                headers={"Content-Type": "application/json", **(headers or {})},
                timeout=urllib3.Timeout(connect=timeouts.connect_s, read=timeouts.read_s),
                redirect=False,
            )
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise ModelDown("no connection") from error
        except ReadTimeoutError as error:
            raise ModelTooSlow("no answer in time") from error
        except ProtocolError:
            raise
        except HTTPError as error:
            raise ModelNonsense("not HTTP") from error


def _was_closed_unanswered(error: ProtocolError) -> bool:
    return any(isinstance(cause, ConnectionError) for cause in error.args)


def _request_body(pictures: Sequence[bytes], explain: bool) -> bytes:
    """MLflow's dataframe_split, written by hand: base64 needs no escaping, and pictures are big."""
    params = b',"params":{"explain":true}' if explain else b""
    parts = [b'{"dataframe_split":{"columns":["image"],"data":[["']
    for picture in pictures:
        parts += [b64encode(picture), b'"],["']
    parts[-1] = b'"]]}' + params + b"}"
    return b"".join(parts)
