"""The network behind LitServe, with its batching and no history."""

import io
import os
import sys

import litserve
import numpy as np
import onnxruntime
from fastapi import Request
from PIL import Image


class Classifier(litserve.LitAPI):
    """An uploaded picture to a label, several requests together."""

    def setup(self, device: str) -> None:
        self.session = onnxruntime.InferenceSession(os.environ["ONNX_MODEL"])
        self.name = self.session.get_inputs()[0].name
        self.side = self.session.get_inputs()[0].shape[1]

    def decode_request(self, request: Request) -> np.ndarray:  # the type makes it read forms
        picture = Image.open(io.BytesIO(request["img"].file.read()))
        return np.asarray(picture.convert("RGB").resize((self.side, self.side)))

    def predict(self, pictures: np.ndarray) -> np.ndarray:
        return self.session.run(None, {self.name: np.asarray(pictures)})[0]

    def encode_response(self, logits: np.ndarray) -> dict:
        scores = np.exp(logits - logits.max())
        scores /= scores.sum()
        return {"label": int(scores.argmax()), "scores": scores.tolist()}


if __name__ == "__main__":
    api = Classifier(max_batch_size=16, batch_timeout=0.002, api_path="/predict")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
