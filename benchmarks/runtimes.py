"""ONNX Runtime beside LiteRT on a trained network: which one answers faster at equal output.

python -m benchmarks.runtimes work/train/…/model
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import tensorflow as tf

from benchmarks import results
from steps.served_model.network import Network

CALLS = 200


def litert(network: keras.Model, size: int, batch: int, threads: int) -> Callable:
    """The network as a LiteRT interpreter with fixed batch size."""
    with tempfile.TemporaryDirectory() as scratch:
        network.export(scratch, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
        content = converter.convert()
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=threads)
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, (batch, size, size, 3))
    interpreter.allocate_tensors()
    out = interpreter.get_output_details()[0]["index"]

    def run(pictures: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(index, pictures.astype(np.float32))
        interpreter.invoke()
        logits = interpreter.get_tensor(out)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    return run


def onnx(path: Path, threads: int) -> Callable:
    """The network as it is served, with a fixed number of threads."""
    network = Network(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    network._session = onnxruntime.InferenceSession(str(path), options)
    return network.probabilities


def milliseconds(run: Callable, pictures: np.ndarray) -> float:
    """Median time of a call."""
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        run(pictures)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a packed model's folder")
    artifacts = parser.parse_args().model / "artifacts"
    network = keras.models.load_model(artifacts / "network.keras", compile=False)
    size = json.loads((artifacts / "facts.json").read_text())["size"]
    table = []
    for batch in (1, 16):
        pictures = np.random.default_rng(0).integers(0, 255, (batch, size, size, 3), np.uint8)
        for threads in (1, 2):
            ways = {
                "onnxruntime": onnx(artifacts / "network.onnx", threads),
                "litert": litert(network, size, batch, threads),
            }
            gap = np.abs(np.subtract(*(run(pictures) for run in ways.values()))).max()
            row = {name: round(milliseconds(run, pictures), 2) for name, run in ways.items()}
            table.append({"batch": batch, "threads": threads, "largest_gap": float(gap), **row})
    results.write("runtimes", {"milliseconds_a_call": table})


if __name__ == "__main__":
    main()
