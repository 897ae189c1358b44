"""Runs the exported network by ONNX Runtime: no training framework where a model is served."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime


@dataclass(frozen=True)
class Outputs:
    """What the network says of n pictures, before any of it is called a probability."""

    logits: np.ndarray
    """(n, categories) float32"""
    maps: np.ndarray | None
    """(n, rows, columns, categories) float32: each place's part in each logit, where known"""


class Network:
    """An ONNX graph that takes (n, size, size, 3) uint8 RGB pictures."""

    def __init__(self, path: str | Path, mirror: bool = False) -> None:
        """mirror: look at each picture mirrored left to right too, and average: twice the time."""
        options = onnxruntime.SessionOptions()
        # A spinning pool burns a whole core between requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._explains = len(self._session.get_outputs()) > 1
        self._mirror = mirror

    def run(self, pictures: np.ndarray) -> Outputs:
        """pictures: (n, size, size, 3) uint8 RGB."""
        outputs = self._once(pictures)
        if not self._mirror:
            return outputs
        mirrored = self._once(np.ascontiguousarray(pictures[:, :, ::-1]))
        if outputs.maps is None or mirrored.maps is None:
            return Outputs((outputs.logits + mirrored.logits) / 2, None)
        maps = (outputs.maps + mirrored.maps[:, :, ::-1]) / 2
        return Outputs((outputs.logits + mirrored.logits) / 2, maps)

    def _once(self, pictures: np.ndarray) -> Outputs:
        logits, *maps = self._session.run(None, {self._input: pictures})
        return Outputs(logits, maps[0] if self._explains else None)
