"""Takes the scoring server's place, and answers whatever it is asked with nonsense."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

NONSENSE = (
    b"",
    b"no JSON",
    b"[]",
    b'{"predictions": []}',
    b'{"predictions": [null, 1, "ball"]}',
    b'{"predictions": [{"label": 7, "confidence": NaN, "scores": [], "error": null}]}',
    b'{"predictions": [{"label": "ball", "confidence": 9, "scores": {"ball": 9}, "error": null}]}',
)
TAKE_OVER_S = 20.0


class _Handler(BaseHTTPRequestHandler):
    answers: Iterator[bytes] = itertools.cycle(NONSENSE)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = next(self.answers)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def instead_of(port: int, kill: Callable[[], None]) -> Iterator[None]:
    """Listen on the port of a server that `kill` ends and that somebody starts again.

    Raises OSError where the port cannot be had in time.
    """
    server = _take(port, kill)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _take(port: int, kill: Callable[[], None]) -> _Server:
    ends = time.monotonic() + TAKE_OVER_S
    while True:
        kill()
        try:
            return _Server(("127.0.0.1", port), _Handler)
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.01)
