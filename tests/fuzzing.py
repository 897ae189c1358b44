"""What every fuzz test shares: how many inputs, spoilt bytes, and a limit on memory.

`make fuzz` asks for 100,000 inputs a test; the suite itself for some hundreds.
"""

import os
import resource
from contextlib import contextmanager

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
MOST_MB = 700
"""More memory than this on top of what a process begins with is a failure: the largest picture
that is accepted has 64 million pixels of 3 bytes, and is copied once or twice."""

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=1000,  # milliseconds: no input may hold a thread for longer
    database=None,
    derandomize=EXAMPLES <= 1000,  # the suite is the same every time; a long run is not
    suppress_health_check=list(HealthCheck),
)


@st.composite
def spoilt(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """A good input with bytes changed, a piece cut out, put in or repeated, or cut short."""
    data = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(data)))
    match draw(st.sampled_from(["keep", "cut", "insert", "repeat", "end"])):
        case "cut":
            del data[start : start + draw(st.integers(0, 64))]
        case "insert":
            data[start:start] = draw(st.binary(max_size=64))
        case "repeat":
            data[start:start] = data[start : start + draw(st.integers(0, 256))]
        case "end":
            del data[start:]
    return bytes(data)


@contextmanager
def little_memory():
    """Fails where the peak of this process's memory rises by more than MOST_MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert risen < MOST_MB, f"{risen:.0f} MB more"
