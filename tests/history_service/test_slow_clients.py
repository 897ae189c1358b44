"""Clients that send a request slowly, or nothing at all, keep nobody else out."""

import socket
import time
from contextlib import ExitStack
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest
import urllib3
from real_parts import gunicorn
from uploading import picture

from history_service.worker import HEAD_S

HEAD = b"GET /health/live HTTP/1.1\r\nHost: history\r\n"
THREADS = 4


@pytest.fixture(scope="module")
def url(scoring_url, tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('slow')}/history.db"
    settings = {"DATABASE_URL": database, "SCORING_URL": scoring_url, "THREADS": str(THREADS)}
    with gunicorn(**settings) as (url, _):
        yield url


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=2 * HEAD_S + 5)


def status(connection: socket.socket) -> int:
    """Of the next answer, which is read to its end: it may come in several pieces."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def upload(url: str) -> int:
    """The status that an upload gets within three seconds."""
    fields = {"img": ("a.png", picture())}
    return urllib3.request("POST", f"{url}/predict", fields=fields, timeout=3, retries=False).status


@pytest.mark.parametrize("sent", [b"", b"G", HEAD])
def test_unfinished_requests_hold_no_thread(url, sent):
    with ExitStack() as connections:
        for _ in range(10 * THREADS):
            connections.enter_context(connect(url)).sendall(sent)

        assert [upload(url) for _ in range(5)] == [200] * 5


def test_a_request_in_pieces_is_answered(url):
    with connect(url) as connection:
        for piece in (HEAD[:1], HEAD[1:30], HEAD[30:], b"\r", b"\n"):
            connection.sendall(piece)
            time.sleep(0.1)

        assert status(connection) == 200


def test_the_next_request_of_a_connection_may_come_in_pieces_too(url):
    with connect(url) as connection:
        for _ in range(2):
            connection.sendall(HEAD)
            time.sleep(0.1)
            connection.sendall(b"\r\n")

            assert status(connection) == 200


def test_requests_that_are_sent_at_once_are_all_answered(url):
    with connect(url) as connection:
        connection.sendall((HEAD + b"\r\n") * 2 + HEAD + b"Connection: close\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answers.count(b"HTTP/1.1 200 OK") == 3


def test_a_connection_that_stays_open_holds_no_thread(url):
    with ExitStack() as connections:
        for _ in range(10 * THREADS):
            connection = connections.enter_context(connect(url))
            connection.sendall(HEAD + b"\r\n")
            assert status(connection) == 200
            connection.sendall(b"GET")

        assert [upload(url) for _ in range(5)] == [200] * 5


def test_a_head_that_does_not_end_is_closed_however_often_a_byte_comes(url):
    begun = time.monotonic()
    with connect(url) as connection:
        connection.sendall(HEAD + b"X-Slow: ")
        connection.settimeout(0.5)
        while time.monotonic() < begun + 2 * HEAD_S + 5:
            try:
                connection.send(b"a")
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert HEAD_S - 1 < time.monotonic() - begun < 2 * HEAD_S + 3
