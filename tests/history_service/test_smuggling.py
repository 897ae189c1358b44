"""Requests that two servers could read differently: this one answers once, or closes."""

import socket
from contextlib import closing, suppress

import pytest
import urllib3
from real_parts import gunicorn

ALIVE = b'"status":"alive"'
SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
EMPTY = b"0\r\n\r\n"
BOTH = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n"

# Headers and body after "POST /predict HTTP/1.1" and Host, each with another request hidden in it.
AMBIGUOUS = {
    "length before chunks": (BOTH % len(EMPTY + SMUGGLED), EMPTY + SMUGGLED),
    "length that ends early": (BOTH % 4, CHUNK),
    "two lengths": (b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "two lengths in one": (b"Content-Length: 0, %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a length with a sign": (b"Content-Length: +%d\r\n" % len(SMUGGLED), SMUGGLED),
    "a negative length": (b"Content-Length: -1\r\n", SMUGGLED),
    "a length in hexadecimal": (b"Content-Length: 0x10\r\n", SMUGGLED),
    "a space before the colon": (b"Content-Length : %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a folded header": (b"X: a\r\n Content-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a bare line feed": (b"X: a\nContent-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a bare carriage return": (b"X: a\rContent-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a null byte": (b"Content-Length: 0\x00%d\r\n" % len(SMUGGLED), SMUGGLED),
    "chunked twice": (
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        EMPTY + SMUGGLED,
    ),
    "chunked, then not": (b"Transfer-Encoding: chunked, identity\r\n", EMPTY + SMUGGLED),
    "an unknown encoding": (b"Transfer-Encoding: xchunked\r\n", EMPTY + SMUGGLED),
    "an encoding after a tab": (b"Transfer-Encoding:\x0bchunked\r\n", EMPTY + SMUGGLED),
    "a chunk size with a sign": (
        b"Transfer-Encoding: chunked\r\n",
        b"-1\r\n" + EMPTY + SMUGGLED,
    ),
    "a chunk size with 0x": (b"Transfer-Encoding: chunked\r\n", b"0x0\r\n\r\n" + SMUGGLED),
    "a chunk that ends wrongly": (b"Transfer-Encoding: chunked\r\n", b"1\r\nAB\r\n" + SMUGGLED),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    history = tmp_path_factory.mktemp("smuggling") / "history.db"
    with gunicorn(DATABASE_URL=f"sqlite:///{history}", SCORING_URL="http://127.0.0.1:9") as (
        address,
        _,
    ):
        yield address


def exchange(url: str, head: bytes, body: bytes) -> bytes:
    """All that comes back for a request, and for another that is sent after it.

    gunicorn looks at what lies behind a request only when more arrives.
    """
    parsed = urllib3.util.parse_url(url)
    with closing(socket.create_connection((parsed.host, parsed.port), timeout=1.0)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n" + body)
        said = received(connection)
        with suppress(OSError):
            connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            said += received(connection)
        return said


def received(connection: socket.socket) -> bytes:
    """What comes until the server closes, or has been silent for a second."""
    said = b""
    with suppress(TimeoutError, ConnectionError):
        while part := connection.recv(65_536):
            said += part
    return said


@pytest.mark.parametrize(("head", "body"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_is_hidden_in_a_body_is_never_answered(url, head, body):
    said = exchange(url, head, body)

    assert ALIVE not in said
    assert b"Traceback" not in said
    assert urllib3.request("GET", f"{url}/health/live").status == 200


def test_the_hidden_request_would_be_answered_by_itself(url):
    said = exchange(url, b"Content-Length: 0\r\n", SMUGGLED)

    assert ALIVE in said
