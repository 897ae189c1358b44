"""What is read from an upload before anything else sees it."""

import io
import os

import pytest
from PIL import Image
from uploading import picture
from urllib3 import encode_multipart_formdata

from history_service.uploads import clean_filename, sniff


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("ball.png", "ball.png"),
        ("C:\\balls\\ball.png", "ball.png"),
        ("/etc/passwd", "passwd"),
        ("..", ".."),
        ("", "unnamed"),
        ("a/b/", "unnamed"),
        ("\x00\x1f", "unnamed"),
        ("x" * 300, "x" * 255),
        ("mu\u0308ller.png", "müller.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("بازی ⚽.jpg", "بازی ⚽.jpg"),
        ("line\nbreak\u2028.png", "linebreak.png"),
    ],
)
def test_file_names_are_cleaned(sent, kept):
    assert clean_filename(sent) == kept


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_pictures_are_known_by_their_first_bytes(form):
    assert sniff(picture(form=form)) == f"image/{form.lower()}"


@pytest.mark.parametrize("data", [b"", b"GIF", b"<svg/>", b"RIFF1234WAVE", b"%PDF-1.7", b"MZ"])
def test_what_is_clearly_no_picture_is_none(data):
    assert sniff(data) is None


@pytest.mark.parametrize("side", [150, 300, 1000])
def test_a_picture_of_any_bytes_is_taken(client, side):
    noise = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(noise, "BMP")
    for _ in range(3):  # its line breaks lie anywhere
        body, form = encode_multipart_formdata({"img": ("noise.bmp", noise.getvalue())})
        assert client.post("/predict", data=body, content_type=form).status_code == 200
