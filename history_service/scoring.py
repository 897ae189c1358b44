"""HTTP to the scoring server: the one place that knows how the served model is asked.

Everything that can go wrong is one of these:

    ScoringError
    ├── ModelDown        no connection, or the server says that it is not ready
    ├── ModelTooSlow     no answer in time
    ├── ModelNonsense    an answer, but not one that can be used
    └── PictureRefused   the model looked at the picture and will not have it (code, detail)

The text of the scoring server's own errors may hold stack traces: it is never passed on.
"""

from __future__ import annotations

import json
import math
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from history_service import tracing


class ScoringError(Exception):
    """Anything that keeps a picture from being classified."""


class ModelDown(ScoringError):
    """The scoring server cannot be reached or is not ready."""


class ModelTooSlow(ScoringError):
    """The scoring server did not answer within the time-out."""


class ModelNonsense(ScoringError):
    """The scoring server answered with something that is not a prediction."""


class PictureRefused(ScoringError):
    """The model refuses this picture. code: one of REFUSALS; detail: a sentence for people."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code
        self.detail = REFUSALS[code]


# Our own words for the model's codes: a library's message may tell more than it should.
REFUSALS = {
    "empty": "The picture is empty: 0 bytes.",
    "too_many_bytes": "The picture has more bytes than the model takes.",
    "not_an_image": "This is no JPEG, PNG, WebP, GIF, BMP or TIFF picture.",
    "too_many_pixels": "The picture has more pixels than the model takes.",
    "damaged": "The picture is damaged or cut short.",
}


LONGEST_NAME = 200  # characters that the history has room for


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds: for a connection, and for the answer once connected."""

    connect_s: float
    read_s: float

    def within(self, left_s: float) -> Timeouts:
        """The same, cut so that neither goes beyond the time that is left."""
        left_s = max(left_s, 0.001)
        return Timeouts(min(self.connect_s, left_s), min(self.read_s, left_s))


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered. version: the registry's, or a stand-in where it has none."""

    name: str
    version: str
    run_id: str


@dataclass(frozen=True)
class Scored:
    """What the model says of one picture. scores: category → share in [0, 1], likely ones first.

    categories: in the model's own order; latency_ms: of the call that brought the answer.
    """

    label: str
    confidence: float
    scores: dict[str, float]
    categories: tuple[str, ...]
    model: ModelIdentity
    latency_ms: float = 0.0


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

    def score(self, pictures: Sequence[bytes], left_s: float) -> list[Scored | PictureRefused]:
        """Classifies encoded pictures in one call; one result a picture, in order.

        left_s: seconds until nobody waits for the answer any more. Raises ModelDown,
        ModelTooSlow or ModelNonsense where there is no result for any of them.
        """
        body = _request_body(pictures)
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
        return _read_answer(response.data, len(pictures), latency_ms)

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


def _request_body(pictures: Sequence[bytes]) -> bytes:
    """MLflow's dataframe_split, written by hand: base64 needs no escaping, and pictures are big."""
    rows = b",".join(b'["' + b64encode(picture) + b'"]' for picture in pictures)
    return b'{"dataframe_split":{"columns":["image"],"data":[' + rows + b"]}}"


def _read_answer(data: bytes, expected: int, latency_ms: float) -> list[Scored | PictureRefused]:
    try:
        rows = json.loads(data)["predictions"]
        if len(rows) != expected:
            raise ModelNonsense(f"{len(rows)} rows for {expected} pictures")
        return [_read_row(row, latency_ms) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelNonsense("not a prediction") from error


def _read_row(row: dict[str, Any], latency_ms: float) -> Scored | PictureRefused:
    if row["error"] is not None:
        code = row["error"]["code"]
        if code not in REFUSALS:
            raise ModelNonsense("unknown refusal")
        return PictureRefused(code)
    scores = {name: _share(score) for name, score in row["scores"].items()}
    if row["label"] not in scores or len(row["label"]) > LONGEST_NAME:
        raise ModelNonsense("a label that is no category")
    return Scored(
        label=row["label"],
        confidence=_share(row["confidence"]),
        scores=dict(sorted(scores.items(), key=lambda item: -item[1])),
        categories=tuple(scores),
        model=_read_identity(row["model"]),
        latency_ms=latency_ms,
    )


def _share(value: Any) -> float:
    share = float(value)
    if not math.isfinite(share) or not -1e-6 <= share <= 1 + 1e-6:
        raise ModelNonsense("a score outside 0 to 1")
    return min(max(share, 0.0), 1.0)


def _read_identity(model: dict[str, Any]) -> ModelIdentity:
    run_id = str(model.get("run_id") or "")
    version = model.get("version")
    shown = str(version) if version is not None else run_id[:8] or "unregistered"
    name = str(model.get("name") or "model")
    return ModelIdentity(name[:LONGEST_NAME], shown[:LONGEST_NAME], run_id[:64])
