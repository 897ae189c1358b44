"""EfficientNet-Lite in NumPy, in the layout and with the names of the file that PyTorch wrote.

The shape of the network is read off the weights, so that nothing is shared with the code under
test but the file.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

STRIDES = {(16, 24): 2, (24, 40): 2, (40, 80): 2, (112, 192): 2, (24, 48): 2, (48, 88): 2}
STRIDES |= {(120, 208): 2}


class Reference:
    """Pooled features of pictures (n, side, side, 3) in [0, 255], by `tensors` by name."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self.tensors = tensors

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(n, 1280) float32."""
        x = ((pictures.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
        x = self._active(self._normal(self._conv(x, "_conv_stem.weight", 2), "_bn0"))
        blocks = sorted({int(name.split(".")[1]) for name in self.tensors if "_blocks" in name})
        for number in blocks:
            x = self._block(x, f"_blocks.{number}")
        x = self._active(self._normal(self._conv(x, "_conv_head.weight"), "_bn1"))
        return x.mean(axis=(2, 3))

    def _block(self, entry: np.ndarray, name: str) -> np.ndarray:
        x = entry
        if f"{name}._expand_conv.weight" in self.tensors:
            x = self._conv(x, f"{name}._expand_conv.weight")
            x = self._active(self._normal(x, f"{name}._bn0"))
        filters = self.tensors[f"{name}._project_conv.weight"].shape[0]
        stride = STRIDES.get((entry.shape[1], filters), 1)
        x = self._depthwise(x, f"{name}._depthwise_conv.weight", stride)
        x = self._active(self._normal(x, f"{name}._bn1"))
        x = self._normal(self._conv(x, f"{name}._project_conv.weight"), f"{name}._bn2")
        return x + entry if x.shape == entry.shape else x

    def _conv(self, x: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        kernel = self.tensors[name]
        windows = _windows(x, kernel.shape[-1], stride)
        return np.einsum("ncyxij,ocij->noyx", windows, kernel, optimize=True)

    def _depthwise(self, x: np.ndarray, name: str, stride: int) -> np.ndarray:
        kernel = self.tensors[name][:, 0]
        return np.einsum("ncyxij,cij->ncyx", _windows(x, kernel.shape[-1], stride), kernel)

    def _normal(self, x: np.ndarray, name: str) -> np.ndarray:
        scale, offset, mean, variance = (
            self.tensors[f"{name}.{part}"][:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * scale + offset

    def _active(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, 0, 6)


def _windows(x: np.ndarray, side: int, stride: int) -> np.ndarray:
    """What each output sees, padded as TensorFlow's "same": the odd row and column at the end."""
    need = max((-(-x.shape[2] // stride) - 1) * stride + side - x.shape[2], 0)
    pad = (need // 2, need - need // 2)
    padded = np.pad(x, ((0, 0), (0, 0), pad, pad))
    return sliding_window_view(padded, (side, side), (2, 3))[:, :, ::stride, ::stride]
