"""Runs the exported network by ONNX Runtime: no training framework where a model is served."""

from pathlib import Path

import numpy as np
import onnxruntime


class Network:
    """An ONNX graph from (n, size, size, 3) uint8 pictures to (n, categories) probabilities."""

    def __init__(self, path: str | Path) -> None:
        options = onnxruntime.SessionOptions()
        # A spinning pool burns a whole core between requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """pictures: (n, size, size, 3) uint8 RGB. Returns (n, categories) float32."""
        return self._session.run(None, {self._input: pictures})[0]
