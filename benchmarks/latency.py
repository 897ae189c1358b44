"""How long a served network takes for its pictures, on cores that are counted."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from steps.shared import registry

CALLS = 200


def onnx(path: Path, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """The graph that serves, with a fixed number of threads: uint8 pictures to logits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options)
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})[0]


def milliseconds(run: Callable, pictures: np.ndarray, calls: int = CALLS) -> float:
    """Median time of a call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        run(pictures)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


def noise(batch: int, size: int) -> np.ndarray:
    """(batch, size, size, 3) uint8: what is seen does not change how long it takes."""
    return np.random.default_rng(0).integers(0, 255, (batch, size, size, 3), np.uint8)


def on_one_core(model: Path) -> dict[str, float]:
    """Milliseconds a picture alone, and a picture in a batch of 16."""
    run = onnx(model / "artifacts" / "network.onnx", 1)
    facts = registry.fetch(str(model)).facts
    passes = 2 if facts["mirror"] else 1
    return {
        f"ms_a_picture_batch_{batch}": round(
            passes * milliseconds(run, noise(batch, facts["size"])) / batch, 2
        )
        for batch in (1, 16)
    }
