"""A scoring server that speaks exactly as MLflow's does with our model, without a network in it.

It runs as a process of its own: python standin_model.py PORT. The colour of a picture decides its
label, so that a test can foresee it; white looks like no category. POST /control changes how it
behaves (see Behaviour).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

CATEGORIES = ["basketball", "football", "tennis_ball"]
MAX_PIXELS = 40_000_000


@dataclass
class Behaviour:
    """delay_s: before an answer; status and body: instead of one; chokes: 400 at a red picture.

    older: a model from before there were unknown pictures and heat maps; explain_delay_s: more
    delay where heat maps are asked for. explained: pictures that were asked about with them.
    """

    delay_s: float = 0.0
    status: int = 200
    body: str = ""
    chokes: bool = False
    older: bool = False
    version: str | None = "3"
    calls: int = 0
    largest_batch: int = 0
    explain_delay_s: float = 0.0
    explained: int = 0


behaviour = Behaviour()


class Refusal(Exception):
    pass


def decode(text: str) -> Image.Image:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refusal("not_base64") from None
    if not data:
        raise Refusal("empty")
    try:
        picture = Image.open(
            io.BytesIO(data), formats=["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]
        )
    except Exception:
        raise Refusal("not_an_image") from None
    if picture.width * picture.height > MAX_PIXELS:
        raise Refusal("too_many_pixels")
    try:
        return picture.convert("RGB")
    except Exception:
        raise Refusal("damaged") from None


def predict(text: str, explain: bool) -> dict:
    model = {"name": "sports-balls", "version": behaviour.version, "run_id": "0123456789abcdef"}
    try:
        picture = decode(text)
        pixel = picture.resize((1, 1)).getpixel((0, 0))
    except Refusal as refusal:
        error = {"code": str(refusal), "message": "a message with /a/path in it"}
        return {"label": None, "confidence": None, "scores": None, "model": model, "error": error}
    if behaviour.chokes and pixel[0] > 200 and pixel[1] < 50:
        raise ValueError("choked")
    total = sum(value + 1 for value in pixel)
    scores = {name: (pixel[i] + 1) / total for i, name in enumerate(CATEGORIES)}
    label = max(scores, key=scores.__getitem__)
    answer = {
        "label": label,
        "confidence": scores[label],
        "scores": scores,
        "model": model,
        "error": None,
    }
    if behaviour.older:
        return answer
    heat_map = draw_heat_map(picture) if explain else None
    return {**answer, **describe_unknown(pixel), "heat_map": heat_map}


def draw_heat_map(picture: Image.Image) -> list[list[float]]:
    """3 x 4 places: the brighter, the more."""
    small = picture.convert("L").resize((4, 3), Image.Resampling.BOX)
    return [[small.getpixel((x, y)) - 50.5 for x in range(4)] for y in range(3)]


def describe_unknown(pixel: tuple[int, ...]) -> dict:
    unknown_score = min(pixel) / 255
    return {"known": unknown_score <= 0.95, "unknown_score": unknown_score}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, status: int, body: str) -> None:
        data = body.encode()
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
        )
        self.wfile.write(head.encode() + b"\r\n\r\n" + data)

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, "\n")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control":
            for name, value in body.items():
                setattr(behaviour, name, value)
            self.answer(200, json.dumps(vars(behaviour)))
            return
        rows = [row[0] for row in body["dataframe_split"]["data"]]
        explain = body.get("params") == {"explain": True}
        behaviour.calls += 1
        behaviour.explained += len(rows) * explain
        behaviour.largest_batch = max(behaviour.largest_batch, len(rows))
        time.sleep(behaviour.delay_s + behaviour.explain_delay_s * explain)
        if behaviour.body or behaviour.status != 200:
            self.answer(behaviour.status, behaviour.body)
            return
        try:
            answers = [predict(row, explain) for row in rows]
            self.answer(200, json.dumps({"predictions": answers}))
        except ValueError:
            self.answer(400, json.dumps({"stack_trace": "Traceback: /secret/path.py"}))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
