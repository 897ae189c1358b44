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

    monkeypatch.setattr(Image.Image, "reduce", fail)


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


def test_palettes_are_averaged_and_every_turn_is_made():
    halves = Image.new("P", (1000, 800))
    halves.putpalette([*RED, *BLUE])
    halves.paste(1, (500, 0, 1000, 800))
    for orientation, corner in ((1, RED), (2, BLUE), (3, BLUE), (8, BLUE)):
        encoded, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = orientation
        halves.save(encoded, "PNG", exif=exif)
        small = Image.open(io.BytesIO(thumbnail(encoded.getvalue())))
        assert small.getpixel((10, 10)) == pytest.approx(corner, abs=12)


def test_a_picture_that_is_read_in_bands_has_no_seams():
    """Brightness falls evenly from top to bottom, and so it does in the thumbnail."""
    encoded = io.BytesIO()
    Image.linear_gradient("L").resize((3_000, 2_000)).convert("RGBA").save(encoded, "PNG")
    small = Image.open(io.BytesIO(thumbnail(encoded.getvalue()))).convert("L")
    column = [small.getpixel((100, y)) for y in range(small.height)]
    wanted = [255 * (y + 0.5) / small.height for y in range(small.height)]
    assert small.size == (256, 171)
    assert column == pytest.approx(wanted, abs=4)


MEASURE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from history_service.pictures import thumbnail
data, times = sys.stdin.buffer.read(), int(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(times) as pool:
    assert all(pool.map(thumbnail, [data] * times))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(
    ("size", "times", "most"),
    [((8_000, 8_000), 2, 400), ((4_000, 3_990), 6, 300)],
    ids=["the largest", "large ones"],
)
def test_pictures_that_come_at_once_share_what_memory_there_is(size, times, most):
    """Else a few small files end a container of 512 MB."""
    data = huge_png(*size, depth=8, kind=6)

    (megabytes,) = run_as_in_the_image(MEASURE, data, str(times))

    assert float(megabytes) < most


def test_what_would_take_more_memory_than_there_is_has_none():
    data = picture(form="WEBP", size=(5_100, 5_100), lossless=True, method=0)
    assert thumbnail(data) is None


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
