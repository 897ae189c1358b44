"""Clients that upload pictures and remember every answer."""

import itertools
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import urllib3

TIMEOUT_S = 30.0
PAUSE_AFTER_REFUSAL_S = 0.2
"""A client that was refused tries again a little later, as Retry-After asks."""


@dataclass(frozen=True)
class Answer:
    """One request and what came of it. Times: time.monotonic() in seconds."""

    begun: float
    ended: float
    picture: Path
    key: str
    status: int | str
    """The HTTP status, or the name of the error where there was no answer."""
    id: int | None = None
    label: str | None = None


class Clients:
    """So many clients, each sending the next picture once it has its answer, while the block runs.

    Every request has an Idempotency-Key of its own, by which it is found in the history. every_s:
    the least time from one request of a client to its next; 0: at once.
    """

    def __init__(
        self, url: str, pictures: Sequence[Path], count: int, every_s: float = 0.0
    ) -> None:
        self._every_s = every_s
        self.answers: list[Answer] = []
        self._url = url
        self._pictures = itertools.cycle([(path, path.read_bytes()) for path in pictures])
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
            time.sleep(self._every_s / len(self._threads))  # one after the other, not all at once
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=TIMEOUT_S)
        while not self._end.is_set():
            with self._lock:
                path, data = next(self._pictures)
            answer = self._ask(pool, path, data)
            self.answers.append(answer)
            if answer.status != 200:
                self._end.wait(PAUSE_AFTER_REFUSAL_S)
            self._end.wait(max(0.0, answer.begun + self._every_s - time.monotonic()))

    def _ask(self, pool: urllib3.PoolManager, path: Path, data: bytes) -> Answer:
        key, begun = uuid.uuid4().hex, time.monotonic()
        try:
            response = pool.request(
                "POST",
                self._url,
                fields={"img": (path.name, data)},
                headers={"Idempotency-Key": key},
            )
        except urllib3.exceptions.HTTPError as error:
            return Answer(begun, time.monotonic(), path, key, type(error).__name__)
        ended = time.monotonic()
        if response.status != 200:
            return Answer(begun, ended, path, key, response.status)
        body = response.json()
        return Answer(begun, ended, path, key, 200, body["id"], body["predicted_label"])
