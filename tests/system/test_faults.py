"""The fault run of `python -m benchmarks.faults` in its short form: three seconds a fault."""

import os
import shutil

import pytest

from benchmarks.faults.__main__ import FAULTS, measure

pytestmark = pytest.mark.slow

DOCUMENTED = {"429", "500", "502", "503", "504", "507"}
CONNECTION = {"ProtocolError", "NewConnectionError", "MaxRetryError", "ReadTimeoutError"}
"""What a client sees whose worker was killed while it answered, or before another listens."""
RECOVERY_S = 10
"""What docs/reliability.md promises: seconds until a request that begins later is answered."""


@pytest.mark.parametrize("name", FAULTS)
def test_every_answer_is_in_the_history_once_and_right(name, house, photographs):
    if name == "disk-full" and os.geteuid() != 0:
        pytest.skip("to mount a small disk needs root")
    if name == "clock-set-back" and not shutil.which("cc"):
        pytest.skip("to set the clock back needs a C compiler")
    found = measure(name, house.model, photographs, 3.0)
    assert found["answered"] > 0
    assert (found["lost"], found["twice"], found["wrong"]) == (0, 0, 0)
    assert set(found["refused"]) <= DOCUMENTED | CONNECTION
    assert found["recovery_s"] is not None and found["recovery_s"] <= RECOVERY_S
