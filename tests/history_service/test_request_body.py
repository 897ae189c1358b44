"""Several requests in one stream of bytes: each gets its own body, whole, and no byte more."""

import re
import socket
from urllib.parse import urlsplit

import numpy as np
import pytest
import urllib3
from real_parts import gunicorn
from uploading import picture

HOST = b"Host: localhost\r\n"
LAST = b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
FORM = b"multipart/form-data; boundary=edge"


@pytest.fixture(scope="module")
def url(scoring_url, tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('body')}/history.db"
    settings = {"DATABASE_URL": database, "SCORING_URL": scoring_url, "KEEP_IMAGES": "full"}
    with gunicorn(**settings) as (url, _):
        yield url


def upload(padding: int) -> bytes:
    """The body of a form with a picture, and a number of zeros behind it in the file."""
    disposition = b'Content-Disposition: form-data; name="img"; filename="a.png"'
    file = picture() + bytes(padding)
    return b"--edge\r\n" + disposition + b"\r\n\r\n" + file + b"\r\n--edge--\r\n"


def post(body: bytes, media_type: bytes = FORM) -> bytes:
    head = b"POST /predict HTTP/1.1\r\n%sContent-Type: %s\r\n" % (HOST, media_type)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def statuses(url: str, stream: bytes) -> list[int]:
    """Of all answers to a stream of requests, which is sent at once."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(stream)
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


@pytest.mark.parametrize("padding", [0, 7_500, 60_000, 300_000])
def test_uploads_that_are_sent_at_once_are_all_answered(url, padding):
    stream = post(upload(padding)) + post(upload(0)) + post(upload(padding)) + LAST

    assert statuses(url, stream) == [200, 200, 200, 200]


@pytest.mark.parametrize("length", [1, 1_024, 30_000])
def test_a_body_that_nobody_read_is_not_taken_for_the_next_request(url, length):
    unread = post(b"G" * length, b"text/plain")

    assert statuses(url, unread + post(upload(0)) + LAST) == [415, 200, 200]


@pytest.mark.parametrize("padding", [0, 8_100, 70_000, 700_000])
def test_a_picture_arrives_byte_for_byte(url, padding):
    noise = np.random.default_rng(padding).bytes(padding)
    file = picture() + noise
    row = urllib3.request("POST", f"{url}/predict", fields={"img": ("a.png", file)}).json()

    kept = urllib3.request("GET", f"{url}/predictions/{row['id']}/image?size=full")
    assert kept.data == file
