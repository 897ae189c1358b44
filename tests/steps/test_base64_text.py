"""Base64 text, in the shapes in which people and programs send it."""

import base64
import textwrap

import pytest

from steps.served_model.base64_text import decode_base64
from steps.served_model.pictures import Limits, PictureError

DATA = bytes(range(256)) * 3 + b"\xff"
PLAIN = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.urlsafe_b64encode(DATA).decode().rstrip("="),
        "\n".join(textwrap.wrap(PLAIN, 76)) + "\n",
        "\r\n".join(textwrap.wrap(PLAIN, 76)),
        f"data:image/png;base64,{PLAIN}",
        f"data:;base64,{PLAIN}",
        f"data:image/jpeg;charset=utf-8;base64,{PLAIN}",
    ],
    ids=[
        "plain",
        "unpadded",
        "urlsafe",
        "urlsafe-unpadded",
        "lines",
        "crlf",
        "url",
        "url-untyped",
        "url-charset",
    ],
)
def test_text_gives_its_bytes(text):
    assert decode_base64(text) == DATA


@pytest.mark.parametrize(
    "value",
    [
        "not base64!",
        "AAAAA",
        "ÄÖÜ=",
        "AA=AA",
        "data:image/png,plain",
        "data:image/png;base64",
        "data:image/png;base64,***",
        None,
        float("nan"),
        b"QUJD",
        12,
    ],
)
def test_anything_else_is_not_base64(value):
    with pytest.raises(PictureError) as caught:
        decode_base64(value)
    assert caught.value.code == "not_base64"


def test_text_of_too_many_bytes_is_refused_before_it_is_decoded():
    with pytest.raises(PictureError) as caught:
        decode_base64("*" * 2000, Limits(max_bytes=1000))
    assert caught.value.code == "too_many_bytes"


def test_the_longest_allowed_picture_still_passes():
    assert (
        len(decode_base64(base64.b64encode(bytes(1000)).decode(), Limits(max_bytes=1000))) == 1000
    )


def test_no_text_gives_no_bytes():
    assert decode_base64("") == b""
