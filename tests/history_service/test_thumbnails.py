"""Pictures that are kept: small, upright, without the data that cameras add."""

import io
import struct

import pytest
from bombs import huge_png, run_as_in_the_image
from PIL import Image
from uploading import BLUE, RED, picture, upload

from history_service.pictures import thumbnail


def test_the_longest_side_is_256_and_small_pictures_stay_small():
    assert Image.open(io.BytesIO(thumbnail(picture(size=(1000, 500))))).size == (256, 128)
    assert Image.open(io.BytesIO(thumbnail(picture(size=(40, 30))))).size == (40, 30)


def test_it_is_upright_and_says_nothing_of_where_it_was_taken():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x8825] = {1: "N"}  # a place
    small = Image.open(io.BytesIO(thumbnail(picture(form="JPEG", size=(100, 50), exif=exif))))
    assert small.size == (50, 100)
    assert not small.getexif()


def odd_exif() -> bytes:
    """EXIF data that turns the picture and has a value that Pillow can read and not write."""
    fields = struct.pack("<HHIhH", 0x0103, 8, 1, -5, 0) + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + fields + bytes(4)


def test_odd_exif_costs_neither_the_thumbnail_nor_its_neighbours_their_answers(make_app):
    client = make_app(KEEP_IMAGES="thumb", BATCH_MAX=3).test_client()
    odd = picture(RED, form="JPEG", size=(100, 50), exif=odd_exif())

    answer = upload(client, picture(BLUE), odd, picture(RED))

    numbers = [one["id"] for one in answer.json["predictions"]]
    kept = [client.get(f"/predictions/{number}/image") for number in numbers]
    assert [one.status_code for one in kept] == [200, 200, 200]
    assert Image.open(io.BytesIO(kept[1].data)).size == (50, 100)


@pytest.fixture
def no_thumbnails(monkeypatch):
    """Whatever a codec raises: no list of its exceptions is complete."""

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Image.Image, "getexif", fail)


def test_a_thumbnail_that_fails_is_missing_and_nothing_else_is(make_app, no_thumbnails):
    client = make_app(KEEP_IMAGES="thumb").test_client()

    number = upload(client, picture()).json["id"]

    assert client.get(f"/predictions/{number}/image").status_code == 404


def test_what_is_kept_in_full_is_kept_without_a_thumbnail_too(
    make_app, database_url, no_thumbnails
):
    client = make_app(KEEP_IMAGES="full", DATABASE_URL=database_url).test_client()
    sent = picture()

    number = upload(client, sent).json["id"]

    assert client.get(f"/predictions/{number}/image?size=full").data == sent
    assert client.get(f"/predictions/{number}/image").status_code == 404
    page = client.get("/page/history").text
    assert f"/predictions/{number}" not in page, "no picture is shown that is not there"
    assert "thumb blank" in page


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B"), ("TIFF", "I")]
)
def test_sixteen_bits_are_scaled_and_not_clipped(form, mode):
    encoded = io.BytesIO()
    Image.new("I", (10, 10), 100 * 257).convert(mode).save(encoded, form)

    small = Image.open(io.BytesIO(thumbnail(encoded.getvalue())))

    assert small.getpixel((5, 5)) == pytest.approx((100, 100, 100), abs=2)


def test_what_is_transparent_becomes_white():
    clear = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(clear, "PNG")
    assert Image.open(io.BytesIO(thumbnail(clear.getvalue()))).getpixel((5, 5)) == (255, 255, 255)


def test_what_cannot_be_read_has_none():
    assert thumbnail(b"\x89PNG\r\n\x1a\nnothing") is None


MEASURE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from history_service.pictures import thumbnail
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(2) as pool:
    assert all(pool.map(thumbnail, [data] * 4))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_several_of_the_largest_pictures_at_once_take_the_memory_of_one():
    """Else a few small files end a container of 512 MB."""
    largest = huge_png(7_000, depth=8, kind=6)
    (megabytes,) = run_as_in_the_image(MEASURE, largest)
    assert float(megabytes) < 400, "49 million pixels of 4 bytes, and a copy"


@pytest.mark.parametrize(("keep", "thumb", "full"), [("none", 404, 404), ("thumb", 200, 404)])
def test_only_what_the_setting_says_is_kept(make_app, keep, thumb, full):
    client = make_app(KEEP_IMAGES=keep).test_client()
    number = upload(client, picture()).json["id"]
    assert client.get(f"/predictions/{number}/image").status_code == thumb
    assert client.get(f"/predictions/{number}/image?size=full").status_code == full


def test_a_picture_that_is_kept_in_full_comes_back_as_it_was(make_app):
    client = make_app(KEEP_IMAGES="full").test_client()
    sent = picture(RED, form="WEBP")
    number = upload(client, sent).json["id"]
    response = client.get(f"/predictions/{number}/image?size=full")
    assert (response.mimetype, response.data) == ("image/webp", sent)
    assert client.get(f"/predictions/{number}/image").mimetype == "image/jpeg"
