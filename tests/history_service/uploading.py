"""Pictures to upload, and the upload itself."""

from __future__ import annotations

import io

from PIL import Image

GREEN, RED, BLUE = (20, 240, 20), (240, 20, 20), (20, 20, 240)
WHITE = (255, 255, 255)  # looks like no category to the stand-in, which guesses a basketball


def picture(colour=BLUE, form="PNG", size=(32, 24), **options) -> bytes:
    """An encoded picture of one colour; the stand-in sees basketballs in red, tennis in blue."""
    encoded = io.BytesIO()
    Image.new("RGB", size, colour).save(encoded, form, **options)
    return encoded.getvalue()


def upload(client, *pictures: bytes, filename: str = "ball.png", **options):
    """POST /predict with one `img` part a picture."""
    parts = [(io.BytesIO(one), filename) for one in pictures]
    return client.post("/predict", data={"img": parts}, **options)
