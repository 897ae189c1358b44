"""room: large requests take turns for memory, and small ones never wait for them."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import urllib3
from bombs import IMAGE_MEMORY
from real_parts import gunicorn
from uploading import picture
from urllib3 import encode_multipart_formdata
from waiting import wait_until

from history_service.batcher import QueueFull
from history_service.room import Room

MIB = 1024 * 1024


def soon(seconds=5.0):
    return time.monotonic() + seconds


def test_what_fits_is_held_side_by_side_and_the_rest_waits_its_turn():
    room, entered, leave = Room(100, waiting_max=8), [], threading.Event()

    def hold(wanted):
        with room.taken(wanted, soon()):
            entered.append(wanted)
            assert leave.wait(5)

    with ThreadPoolExecutor(4) as pool:
        both = [pool.submit(hold, 40), pool.submit(hold, 60)]
        wait_until(lambda: len(entered) == 2)
        third = pool.submit(hold, 1)
        time.sleep(0.05)
        assert sorted(entered) == [40, 60]
        leave.set()
        for done in (*both, third):
            done.result()
    assert entered[2] == 1


def test_one_that_is_larger_than_all_room_has_it_alone():
    room = Room(100, waiting_max=8)
    with room.taken(10**9, soon()), pytest.raises(QueueFull), room.taken(1, soon(0.05)):
        pass
    with room.taken(100, soon()):
        pass  # all of it was given back


def test_no_more_wait_than_may():
    room = Room(100, waiting_max=0)
    with room.taken(60, soon()):
        with room.taken(40, soon()):
            pass
        before = time.monotonic()
        with pytest.raises(QueueFull), room.taken(41, soon()):
            pass
        assert time.monotonic() - before < 1


def test_room_is_given_back_where_a_request_fails():
    room = Room(100, waiting_max=0)
    with pytest.raises(ZeroDivisionError), room.taken(100, soon()):
        raise ZeroDivisionError
    with room.taken(100, soon()):
        pass


def most_memory(process):
    """Bytes that a process has had at most."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def test_many_of_the_largest_requests_fit_into_the_memory_of_the_container(scoring_url, tmp_path):
    """Sixteen pictures of 9 MiB in each; the container may have 512 MiB, files in /tmp included."""
    padded = picture(form="JPEG").ljust(9 * MIB, b"\0")
    parts = [("img", (f"{i}.jpg", padded, "image/jpeg")) for i in range(16)]
    body, form = encode_multipart_formdata(parts)
    settings = {
        "SCORING_URL": scoring_url,
        "DATABASE_URL": f"sqlite:///{tmp_path}/history.db",
        "DEADLINE_S": "60",
        **IMAGE_MEMORY,
    }
    with gunicorn(**settings) as (url, process), ThreadPoolExecutor(4) as pool:

        def send(_):
            answer = urllib3.request(
                "POST", f"{url}/predict", body=body, headers={"Content-Type": form}, timeout=60
            )
            return answer.status

        assert list(pool.map(send, range(4))) == [200] * 4
        (worker,) = psutil.Process(process.pid).children()
        assert most_memory(worker) < 350 * MIB
