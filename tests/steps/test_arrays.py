"""The processes that decode and score: what ends one, and what it ends with."""

import os
import subprocess
import sys

import psutil
import pytest
from PIL import Image

from steps.shared import arrays
from steps.shared.stage import StageError


def test_a_decoder_that_dies_gives_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "decode", lambda *_: os._exit(9))
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")

    with pytest.raises(StageError, match=r"a decoder died on one of 1\.png"):
        arrays.decode_files(tmp_path, ["1.png"], tmp_path / "images.npy", 8, 1)


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_workers_end_with_a_parent_that_is_killed(method):
    code = f"""
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor
from steps.shared.arrays import follow_parent
context = multiprocessing.get_context({method!r})
pool = ProcessPoolExecutor(2, context, follow_parent)
tasks = [pool.submit(time.sleep, 1) for _ in range(2)]
[task.result() for task in tasks]
print(*pool._processes, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()

    assert len(workers) == 2
    assert psutil.wait_procs(workers, timeout=5)[1] == []
