"""What this machine computes on, and in which precision it is quick."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""As /proc/cpuinfo names the instructions on x86-64 and on 64-bit Arm."""
SIDE, REPEATS = 1024, 5
"""Of the products that are timed: some 20 ms each on two cores."""
WORTH_IT = 0.8
"""Share of float32's time below which bfloat16 is taken. What has been measured lies far on either
side (0.5 and 1.8), so that a machine's moods do not choose, and a resumed training goes on."""


def quick_precision() -> str:
    """The mixed precision that the hardware multiplies natively and clearly quicker, or float32.

    Of a processor it is measured, in half a second: some have the instructions for bfloat16 and
    take twice as long with them (an Intel Xeon with AVX512-BF16 and without AMX).
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        ampere = details.get("compute_capability", (0, 0)) >= (8, 0)
        return "mixed_bfloat16" if ampere else "mixed_float16"
    if not BFLOAT16_FLAGS & _cpu_flags():
        return "float32"
    # By turns, so that a moment in which others compute slows down both.
    narrow, wide = (product_timer(kind, SIDE) for kind in (tf.bfloat16, tf.float32))
    rounds = [(narrow(), wide()) for _ in range(REPEATS)]
    quickest = [min(seconds) for seconds in zip(*rounds, strict=True)]
    return "mixed_bfloat16" if quickest[0] < WORTH_IT * quickest[1] else "float32"


def product_timer(kind: tf.DType, side: int) -> Callable[[], float]:
    """What multiplies two (side, side) matrices on all cores and returns the seconds that took."""
    a, b = (tf.cast(tf.random.normal((side, side)), kind) for _ in range(2))
    product = tf.function(tf.matmul)
    product(a, b)  # compiles

    def seconds() -> float:
        begun = time.perf_counter()
        product(a, b)[0, 0].numpy()
        return time.perf_counter() - begun

    return seconds


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
