"""Decoding: every format upright and in true colours, everything else refused with a code."""

import io
import time
import zipfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from bombs import huge_png, run_as_in_the_image
from drawing import (
    CORNERS,
    encoded,
    huge_gif,
    huge_tiff,
    huge_webp,
    photograph,
    quarters,
    with_orientation,
)
from PIL import Image, ImageOps

from steps.served_model.pictures import (
    Limits,
    PictureError,
    decode,
    on_white,
    open_picture,
    plain,
)

LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "BMP": {}}


def code_of(data: bytes, **limits) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, 16, Limits(**limits))
    assert str(caught.value).endswith("."), "the message is a sentence"
    return caught.value.code


def corners(pixels: np.ndarray) -> np.ndarray:
    near, far = len(pixels) // 8, len(pixels) - 1 - len(pixels) // 8
    return np.array([pixels[y, x] for y in (near, far) for x in (near, far)], int)


def reference(picture: Image.Image, size: int) -> np.ndarray:
    small = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=int)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_accepted_format_decodes_in_its_colours(kind):
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else LOSSLESS.get(kind, {})

    pixels = decode(encoded(quarters(), kind, **options), 32)

    assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.uint8)
    assert np.abs(corners(pixels) - CORNERS).max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_stand_upright_whatever_exif_says(kind, orientation):
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else LOSSLESS[kind]
    data = with_orientation(quarters(), kind, orientation, **options)
    with Image.open(io.BytesIO(data)) as stored:
        upright = ImageOps.exif_transpose(stored)

    pixels = decode(data, 32)

    assert np.abs(corners(pixels) - corners(reference(upright, 32))).max() < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_not_cost_the_picture(kind):
    data = encoded(quarters(), kind, exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")

    assert decode(data, 8).shape == (8, 8, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_lies_on_white(mode):
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))

    pixels = decode(encoded(clear.convert(mode), "TIFF" if mode == "PA" else "PNG"), 8)

    assert pixels.min() == 255


def test_half_transparency_is_mixed_with_white():
    pixels = decode(encoded(Image.new("RGBA", (16, 16), (0, 0, 0, 128))), 8)

    assert np.abs(pixels.astype(int) - 127).max() <= 1


def test_a_transparent_palette_colour_lies_on_white():
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([10, 20, 30, 200, 0, 0])

    assert decode(encoded(picture, "PNG", transparency=0), 8).min() == 255
    assert decode(encoded(picture, "GIF", transparency=0), 8).min() == 255


def test_a_transparent_colour_of_a_plain_png_lies_on_white():
    data = encoded(Image.new("RGB", (16, 16), (1, 2, 3)), "PNG", transparency=(1, 2, 3))

    assert decode(data, 8).min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_comes_out_as_its_rgb(kind):
    options = {"quality": 95} if kind == "JPEG" else {}
    data = encoded(quarters().convert("CMYK"), kind, **options)

    assert np.abs(corners(decode(data, 32)) - CORNERS).max() < 20


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind):
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))

    pixels = decode(encoded(Image.fromarray(ramp), kind), 64)

    assert np.abs(pixels[32, :, 0].astype(int) - ramp[0] // 257).max() <= 1


def test_a_big_endian_sixteen_bit_tiff_is_scaled_too():
    ramp = np.tile(np.linspace(0, 65535, 64).astype(">u2"), (64, 1))
    picture = Image.frombytes("I;16B", (64, 64), ramp.tobytes())

    pixels = decode(encoded(picture, "TIFF"), 64)

    assert np.abs(pixels[32, :, 0].astype(int) - ramp[0].astype(int) // 257).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palette_pictures_have_three_channels(mode):
    grey = Image.linear_gradient("L")

    pixels = decode(encoded(grey.convert(mode)), 16)

    assert pixels.shape == (16, 16, 3)
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_shows_its_first_frame(kind):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)

    red, green, blue = decode(data, 8)[4, 4]

    assert red > 240
    assert max(green, blue) < 15


def test_a_tiff_of_many_pages_shows_its_first():
    pages = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]

    pixels = decode(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), 8)

    assert tuple(pixels[4, 4]) == (255, 0, 0)


def test_the_pair_of_pictures_that_some_phones_write_shows_the_first():
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])

    assert decode(data, 8)[4, 4, 0] > 240


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_damaged(kind, share):
    data = encoded(photograph(), kind)

    assert code_of(data[: int(len(data) * share)]) in ("damaged", "not_an_image")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_breaks_off_within_its_pixels_is_damaged(kind):
    data = encoded(photograph(), kind)

    assert code_of(data[: len(data) // 2]) == "damaged"


def test_pixels_that_were_overwritten_are_damaged():
    data = bytearray(encoded(photograph(), "PNG"))
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)

    assert code_of(bytes(data)) == "damaged"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("ball.png", encoded(quarters()))
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><html><body>404</body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        zipped(),
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        bytes(1000),
        encoded(quarters(), "PPM"),
        encoded(quarters(), "ICO"),
    ],
    ids=[
        "html",
        "svg",
        "eps",
        "pdf",
        "zip",
        "jpeg-start",
        "png-start",
        "gif-start",
        "zeros",
        "ppm",
        "ico",
    ],
)
def test_what_is_no_accepted_picture_is_not_an_image(data):
    assert code_of(data) == "not_an_image"


def test_no_bytes_are_empty():
    assert code_of(b"") == "empty"


@pytest.mark.parametrize("make", [huge_gif, huge_webp, huge_tiff])
def test_a_header_that_claims_too_many_pixels_is_refused(make):
    assert code_of(make()) == "too_many_pixels"


def test_bytes_are_counted_before_anything_is_decoded():
    assert code_of(b"no picture at all", max_bytes=10) == "too_many_bytes"


def test_the_pixel_limit_is_ours_to_set():
    data = encoded(quarters(100, 100))

    assert code_of(data, max_pixels=9_999) == "too_many_pixels"
    assert decode(data, 8, Limits(max_pixels=10_000)).shape == (8, 8, 3)


MEASURE = """
import resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from steps.served_model.pictures import PictureError, decode
from steps.served_model.room import TOGETHER, Room
data = sys.stdin.buffer.read()
decode(open(sys.argv[1], "rb").read(), 64)  # what the first picture loads is not the huge one's
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
room = Room(TOGETHER)
def code_of(data):
    try:
        decode(data, 64, room=room.taken)
    except PictureError as error:
        return error.code
    return "decoded"
times = int(sys.argv[2])
with ThreadPoolExecutor(times) as pool:
    (code,) = set(pool.map(code_of, [data] * times))
seconds = time.perf_counter() - begun
print(code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, seconds)
"""


def measure(data: bytes, tmp_path: Path, times: int = 1) -> tuple[str, float, float]:
    """What becomes of a picture, so many times at once: code, megabytes at the peak, seconds."""
    small = tmp_path / "small"
    small.write_bytes(encoded(quarters(), "PNG"))
    code, megabytes, seconds = run_as_in_the_image(MEASURE, data, small, str(times))
    return code, float(megabytes), float(seconds)


@pytest.mark.parametrize("make", [huge_png, huge_gif, huge_webp, huge_tiff])
def test_a_bomb_is_refused_at_once_and_without_memory(make, tmp_path):
    code, megabytes, seconds = measure(make(), tmp_path)

    assert code == "too_many_pixels"
    assert megabytes < 50
    assert seconds < 0.5, "fifty milliseconds on an idle core"


@pytest.mark.parametrize(
    ("size", "times", "most"),
    [((8_000, 8_000), 2, 400), ((4_000, 3_990), 6, 500)],
    ids=["the largest", "large ones"],
)
def test_pictures_that_come_at_once_share_what_memory_there_is(size, times, most, tmp_path):
    """Else a few small files end a container of 1 GB."""
    data = huge_png(*size, depth=8, kind=6)

    code, megabytes, _ = measure(data, tmp_path, times)

    assert code == "decoded"
    assert megabytes < most


def test_what_decoding_takes_is_limited_by_format():
    """Of a WebP there are four copies while it is decoded."""
    webp, png = (encoded(quarters(100, 100), kind) for kind in ("WEBP", "PNG"))

    assert code_of(webp, max_decoded_bytes=159_999) == "too_many_pixels"
    assert decode(webp, 8, Limits(max_decoded_bytes=160_000)).shape == (8, 8, 3)
    assert decode(png, 8, Limits(max_decoded_bytes=159_999)).shape == (8, 8, 3)


def test_room_is_asked_for_large_pictures_only():
    asked = []

    def room(wanted):
        asked.append(wanted)
        return nullcontext()

    for size in ((1000, 1000), (1000, 1001)):
        decode(encoded(Image.new("RGB", size)), 8, room=room)

    assert asked == [1000 * 1001 * 5]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "I;16", "P"])
@pytest.mark.parametrize("shape", [(1499, 1103), (700, 2903), (2903, 700)])
def test_a_picture_that_is_read_in_bands_equals_one_that_is_read_whole(shape, mode):
    picture = photograph(*shape)
    picture.putalpha(Image.linear_gradient("L").resize(shape))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    data = encoded(picture.convert(mode), compress_level=1)
    with Image.open(io.BytesIO(data)) as whole:
        small = plain(whole).resize((64, 64), Image.Resampling.BICUBIC, reducing_gap=2.0)

    assert np.array_equal(decode(data, 64), np.asarray(on_white(small)))


@pytest.mark.parametrize("shape", [(1600, 1200), (1201, 799), (640, 480), (70, 65)])
def test_decoding_small_comes_close_to_decoding_in_full(shape):
    data = encoded(photograph(*shape), "JPEG", quality=92)
    with Image.open(io.BytesIO(data)) as whole:
        full = reference(whole, 64)

    gap = np.abs(decode(data, 64) - full)

    assert gap.mean() < 3
    assert np.quantile(gap, 0.99) < 12


@pytest.mark.parametrize("size", [(1, 1), (1, 64), (64, 1), (4000, 3), (3, 4000), (20_000, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_slivers_and_banners_fill_the_square(size, kind):
    pixels = decode(encoded(Image.new("RGB", size, (200, 30, 60)), kind), 64)

    assert pixels.shape == (64, 64, 3)
    assert np.abs(pixels.astype(int) - (200, 30, 60)).max() < 8


def test_a_header_is_read_without_the_pixels():
    with open_picture(encoded(photograph(4000, 3000), "JPEG")) as picture:
        begun = time.perf_counter()
        size = picture.size

    assert size == (4000, 3000)
    assert time.perf_counter() - begun < 0.1
