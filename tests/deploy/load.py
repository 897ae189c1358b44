"""Clients that send a picture over and over, and keep count of what became of every request."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import psycopg
import urllib3


class Load:
    """A number of clients, from entering the block to leaving it.

    statuses: answers by status; ids: the rows that they name; broken: requests without an answer,
    by the error's name. A client pauses a little between requests: two cores serve everybody here.
    """

    def __init__(self, url: str, photograph: Path, clients: int, pause_s: float = 0.2) -> None:
        self.statuses: Counter = Counter()
        self.broken: Counter = Counter()
        self.ids: list[int] = []
        self._url, self._data, self._pause_s = f"{url}/predict", photograph.read_bytes(), pause_s
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every client finish the request that it has begun."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _client(self) -> None:
        pool = urllib3.PoolManager(retries=False, timeout=60)
        while not self._end.is_set():
            try:
                fields = {"img": ("ball.jpg", self._data)}
                response = pool.request("POST", self._url, fields=fields)
            except urllib3.exceptions.HTTPError as error:
                self.broken[type(error).__name__] += 1
            else:
                self.statuses[response.status] += 1
                if response.status == 200:
                    self.ids.append(response.json()["id"])
            self._end.wait(self._pause_s)


def stored_ids(database_url: str) -> list[int]:
    """The numbers of all rows, read past the service."""
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM predictions")]
