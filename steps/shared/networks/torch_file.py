"""Reads the weights in a file that PyTorch wrote, without PyTorch and without running its code."""

import collections
import pickle  # nosec B403
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
"""First value of a file in PyTorch's format before 1.6 (torch/serialization.py, MAGIC_NUMBER)."""
DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}


class _Unpickler(pickle.Unpickler):
    """Knows the few names that a dictionary of tensors needs, and refuses every other."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a file of weights")

    def persistent_load(self, pid: tuple) -> tuple:
        return pid


class _Tensor:
    """Where a tensor lies: storage, offset, shape and strides, the last three in elements."""

    def __init__(self, storage: tuple, offset: int, shape: tuple, strides: tuple, *_: object):
        self.key, self.offset, self.shape, self.strides = storage[2], offset, shape, strides
        self.dtype = np.dtype(DTYPES[storage[1]])

    def read(self, storage: bytes) -> np.ndarray:
        flat = np.frombuffer(storage, self.dtype)[self.offset :]
        strides = [step * self.dtype.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(flat, self.shape, strides).copy()


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary, by name, in PyTorch's layout.

    Raises ValueError where the file is none or holds anything besides tensors.
    """
    try:
        with path.open("rb") as file:
            if _Unpickler(file).load() != MAGIC:
                raise ValueError(f"{path.name} is not in PyTorch's format of before version 1.6")
            for _ in ("protocol version", "sizes of types"):
                _Unpickler(file).load()
            tensors = _Unpickler(file).load()
            storages = _read_storages(file, tensors.values())
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError) as error:
        raise ValueError(f"{path.name} is no file of weights: {error}") from error
    return {name: tensor.read(storages[tensor.key]) for name, tensor in tensors.items()}


def _read_storages(file: BinaryIO, tensors: collections.abc.Iterable[_Tensor]) -> dict[str, bytes]:
    # After the pickles: for each key its number of elements (int64) and then the elements.
    dtypes = {tensor.key: tensor.dtype for tensor in tensors}
    keys = _Unpickler(file).load()
    storages = {}
    for key in keys:
        elements = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(elements * dtypes[key].itemsize)
    return storages
