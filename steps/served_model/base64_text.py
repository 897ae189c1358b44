"""Reads pictures that travel as base64 text, plain or as a data URL."""

import binascii

from pybase64 import b64decode

from .pictures import LIMITS, Limits, PictureError


def decode_base64(text: object, limits: Limits = LIMITS) -> bytes:
    """Return the bytes of one picture.

    text: base64 (RFC 4648, standard or URL-safe alphabet, line breaks allowed, padding optional),
    or data:image/…;base64,… (RFC 2397). Raises PictureError with code not_base64 or
    too_many_bytes, the latter before anything is decoded.
    """
    if not isinstance(text, str):
        raise PictureError("not_base64", "The picture is missing: base64 text was expected.")
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise PictureError("not_base64", "The data URL is not base64-encoded.")
    if len(text) > limits.max_bytes * 1.4:
        raise PictureError(
            "too_many_bytes", f"The picture has more than {limits.max_bytes:,} bytes."
        )
    try:
        if text.isascii() and "\n" not in text and "-" not in text and "_" not in text:
            return b64decode(text + "=" * (-len(text) % 4), validate=True)
        compact = "".join(text.split()).translate(str.maketrans("-_", "+/"))
        return b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("not_base64", "The text is not valid base64.") from error
