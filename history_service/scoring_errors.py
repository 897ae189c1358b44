"""What can go wrong between a picture and the served model's answer.

    ScoringError
    ├── ModelDown        no connection, or the server says that it is not ready
    ├── ModelTooSlow     no answer in time
    ├── ModelNonsense    an answer, but not one that can be used
    └── PictureRefused   the model looked at the picture and will not have it (code, detail)

The text of the scoring server's own errors may hold stack traces: it is never passed on.
"""

from __future__ import annotations


class ScoringError(Exception):
    """Anything that keeps a picture from being classified."""


class ModelDown(ScoringError):
    """The scoring server cannot be reached or is not ready."""


class ModelTooSlow(ScoringError):
    """The scoring server did not answer within the time-out."""


class ModelNonsense(ScoringError):
    """The scoring server answered with something that is not a prediction."""


class PictureRefused(ScoringError):
    """The model refuses this picture. code: one of REFUSALS; detail: a sentence for people."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code
        self.detail = REFUSALS[code]


# Our own words for the model's codes: a library's message may tell more than it should.
REFUSALS = {
    "empty": "The picture is empty: 0 bytes.",
    "too_many_bytes": "The picture has more bytes than the model takes.",
    "not_an_image": "This is no JPEG, PNG, WebP, GIF, BMP or TIFF picture.",
    "too_many_pixels": "The picture has more pixels than the model takes.",
    "damaged": "The picture is damaged or cut short.",
}
