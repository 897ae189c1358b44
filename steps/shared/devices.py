"""What this machine computes on, and in which precision it is quick."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""As /proc/cpuinfo names the instructions on x86-64 and on 64-bit Arm."""


def quick_precision() -> str:
    """The mixed precision that the hardware multiplies natively, or float32."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        ampere = details.get("compute_capability", (0, 0)) >= (8, 0)
        return "mixed_bfloat16" if ampere else "mixed_float16"
    return "mixed_bfloat16" if BFLOAT16_FLAGS & _cpu_flags() else "float32"


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in `precision`, whatever Keras is set to before and after."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return set()
    lines = (line.partition(":") for line in info.read_text().splitlines())
    flags = (value for key, _, value in lines if key.strip() in ("flags", "Features"))
    return set(next(flags, "").split())
