"""ONNX Runtime beside LiteRT on a trained network: which one answers faster at equal output.

python -m benchmarks.runtimes work/train/…/model
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks import latency, results
from steps.shared import registry


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
        return interpreter.get_tensor(out)

    return run


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a packed model's folder")
    model = registry.fetch(str(parser.parse_args().model))
    artifacts = model.folder / "artifacts"
    network = keras.models.load_model(artifacts / "network.keras", compile=False)
    size = model.facts["size"]
    table = []
    for batch in (1, 16):
        pictures = latency.noise(batch, size)
        for threads in (1, 2):
            ways = {
                "onnxruntime": latency.onnx(artifacts / "network.onnx", threads),
                "litert": litert(network, size, batch, threads),
            }
            gap = np.abs(np.subtract(*(run(pictures) for run in ways.values()))).max()
            row = {
                name: round(latency.milliseconds(run, pictures), 2) for name, run in ways.items()
            }
            table.append({"batch": batch, "threads": threads, "largest_gap": float(gap), **row})
    results.write("runtimes", {"milliseconds_a_call": table})


if __name__ == "__main__":
    main()
