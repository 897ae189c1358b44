"""The network behind BentoML, with its adaptive batching and no history."""

import os

import bentoml
import numpy as np
import onnxruntime
from PIL import Image


@bentoml.service(workers=1, resources={"cpu": "1"}, traffic={"timeout": 30})
class Network:
    """Pictures in arrays to logits, several requests together."""

    def __init__(self) -> None:
        self.session = onnxruntime.InferenceSession(os.environ["ONNX_MODEL"])
        self.name = self.session.get_inputs()[0].name

    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=500)
    def run(self, pictures: np.ndarray) -> np.ndarray:
        return self.session.run(None, {self.name: pictures})[0]


@bentoml.service(workers=1, traffic={"timeout": 30})
class Classifier:
    """An uploaded picture to a label."""

    network = bentoml.depends(Network)

    def __init__(self) -> None:
        session = onnxruntime.InferenceSession(os.environ["ONNX_MODEL"])
        self.side = session.get_inputs()[0].shape[1]

    @bentoml.api
    async def predict(self, img: Image.Image) -> dict:
        pixels = np.asarray(img.convert("RGB").resize((self.side, self.side)))[None]
        logits = (await self.network.to_async.run(pixels))[0]
        scores = np.exp(logits - logits.max())
        scores /= scores.sum()
        return {"label": int(scores.argmax()), "scores": scores.tolist()}
