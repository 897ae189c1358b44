"""No file breaks the decoder: a picture of the right shape, or a documented error, in a moment."""

import io

import numpy as np
from fuzzing import fuzzed, little_memory, spoilt
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steps.served_model.base64_text import decode_base64
from steps.served_model.pictures import FORMATS, PictureError, decode

CODES = {"empty", "too_many_bytes", "not_an_image", "too_many_pixels", "damaged"}
SIDE = 16


def good_pictures() -> list[bytes]:
    """A small one of every format, in every mode that the format has."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 12, 4), np.uint8)
    found = []
    for form in FORMATS:
        for mode in ("RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "I;16"):
            encoded = io.BytesIO()
            picture = Image.fromarray(noise)
            picture = picture.convert("L").convert("I") if mode == "I;16" else picture
            try:
                picture.convert(mode).save(encoded, form)
            except (OSError, ValueError, KeyError):
                continue  # a mode that the format does not have
            found.append(encoded.getvalue())
    return found


@fuzzed
@given(spoilt(good_pictures()) | st.binary(max_size=512))
def check_decoder(data: bytes) -> None:
    try:
        pixels = decode(data, SIDE)
    except PictureError as error:
        assert error.code in CODES
    else:
        assert pixels.shape == (SIDE, SIDE, 3)
        assert pixels.dtype == np.uint8


@fuzzed
@given(st.text(max_size=200) | st.none() | st.integers() | st.from_regex(r"data:.{0,9},[\w+/=-]*"))
def check_base64(text: object) -> None:
    try:
        assert isinstance(decode_base64(text), bytes)
    except PictureError as error:
        assert error.code == "not_base64"


def test_no_bytes_break_the_decoder():
    with little_memory():
        check_decoder()


def test_no_text_breaks_the_way_to_the_decoder():
    check_base64()
