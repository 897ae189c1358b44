"""Clients that send a request slowly, or nothing at all, keep nobody else out."""

import re
import socket
import time
from contextlib import ExitStack
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest
import urllib3
from real_parts import gunicorn
from uploading import picture

from history_service.worker import ARRIVAL_S

HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: %d\r\n\r\n"
)
THREADS = 4
DEADLINE_S = 5
LARGE = 2_000_000
"""Bytes of a request that is held alone."""


@pytest.fixture(scope="module")
def url(scoring_url, tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('slow')}/history.db"
    limits = {"THREADS": THREADS, "DEADLINE_S": DEADLINE_S, "BODIES_MAX_BYTES": LARGE}
    limits = {name: str(value) for name, value in limits.items()}
    with gunicorn(DATABASE_URL=database, SCORING_URL=scoring_url, **limits) as (url, _):
        yield url


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=2 * ARRIVAL_S + 5)


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


def form(data: bytes) -> bytes:
    disposition = b'Content-Disposition: form-data; name="img"; filename="a.png"'
    return b"--edge\r\n" + disposition + b"\r\n\r\n" + data + b"\r\n--edge--\r\n"


CHUNKED = re.sub(rb"Content-Length: %d", b"Transfer-Encoding: chunked", POST)
WAITING = (POST % 9_000).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        HEAD,
        POST % 9_000,
        POST % 9_000 + b"--edge\r\n",
        WAITING,
        CHUNKED,
        CHUNKED + b"8\r\n--edge\r\n\r\n",
        HEAD + b"\r\n" + POST % 9_000,
    ],
)
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


@pytest.mark.parametrize("padding", [0, 20_000, 900_000])
def test_a_body_in_pieces_is_answered(url, padding):
    body = form(picture() + bytes(padding))
    with connect(url) as connection:
        connection.sendall(POST % len(body) + body[:40])
        time.sleep(0.2)
        connection.sendall(body[40 : len(body) // 2])
        time.sleep(0.2)
        connection.sendall(body[len(body) // 2 :])

        assert status(connection) == 200


def test_who_waits_to_be_told_to_go_on_is_told_and_answered(url):
    body = form(picture())
    with connect(url) as connection:
        for _ in range(2):
            connection.sendall(WAITING.replace(b"9000", b"%d" % len(body)))
            told = connection.recv(len(b"HTTP/1.1 100 Continue\r\n\r\n"))
            connection.sendall(body)

            assert told.startswith(b"HTTP/1.1 100 ")
            assert status(connection) == 200


@pytest.mark.parametrize("padding", [0, 200_000])
def test_a_body_in_chunks_is_answered(url, padding):
    body = form(picture() + bytes(padding))
    half = len(body) // 2
    with connect(url) as connection:
        connection.sendall(CHUNKED)
        for piece in (body[:half], body[half:], b""):
            time.sleep(0.1)
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))

        assert status(connection) == 200


def test_an_upload_behind_another_request_may_come_in_pieces(url):
    body = form(picture())
    with connect(url) as connection:
        connection.sendall(HEAD + b"\r\n" + POST % len(body) + body[:40])
        assert status(connection) == 200
        connection.sendall(body[40:])

        assert status(connection) == 200


def test_long_bodies_that_do_not_end_hold_threads_no_longer_than_the_deadline(url):
    with ExitStack() as connections:
        stuck = [connections.enter_context(connect(url)) for _ in range(THREADS)]
        for connection in stuck:
            connection.sendall(POST % 1_000_000 + form(picture() + bytes(500_000)))
        time.sleep(DEADLINE_S)

        assert [upload(url) for _ in range(3)] == [200] * 3
        assert [status(connection) for connection in stuck] == [408] * THREADS


def test_who_waits_in_vain_for_a_slow_one_is_told_to_come_again(url):
    part = POST % LARGE + form(picture() + bytes(500_000))
    with connect(url) as slow, connect(url) as waiting:
        slow.sendall(part)
        time.sleep(0.5)
        waiting.sendall(part)

        assert status(waiting) == 503
        assert status(slow) == 408


def test_who_ends_the_stream_within_a_head_is_let_go_at_once(url):
    with connect(url) as connection:
        connection.sendall(HEAD)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(ARRIVAL_S / 2)

        assert connection.recv(1) == b""


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
        while time.monotonic() < begun + 2 * ARRIVAL_S + 5:
            try:
                connection.send(b"a")
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert ARRIVAL_S - 1 < time.monotonic() - begun < 2 * ARRIVAL_S + 3
