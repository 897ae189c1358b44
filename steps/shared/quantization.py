"""Turns an exported network into one that computes in 8-bit integers."""

import tempfile
from pathlib import Path

import numpy as np
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

PICTURES, BATCH = 256, 16
INPUT = "picture"


class _Pictures(CalibrationDataReader):
    """Hands pictures out in batches, to measure how far each activation reaches."""

    def __init__(self, images: np.ndarray) -> None:
        rows = np.linspace(0, len(images) - 1, min(PICTURES, len(images))).astype(int)
        self._batches = iter(
            [{INPUT: images[rows[i : i + BATCH]]} for i in range(0, len(rows), BATCH)]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def quantize(path: Path, images: np.ndarray) -> None:
    """Replace an ONNX file by its quantised self (Jacob et al. 2018), a weight scale a filter.

    images: (n, size, size, 3) uint8 training pictures.
    """
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        # Shapes are fixed but for the batch: symbolic inference would only ask for SymPy.
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            _Pictures(images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Weights of 7 bits: in processors without VNNI, sums of larger ones overflow unseen.
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
        )
