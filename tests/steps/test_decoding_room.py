"""room: pictures share memory while they are decoded, and none waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import wait_until

from steps.served_model.room import Room


def test_what_fits_is_held_side_by_side_and_never_more():
    room, lock = Room(100), threading.Lock()
    held, most = 0, []

    def hold(wanted):
        nonlocal held
        with room.taken(wanted):
            with lock:
                held += wanted
                most.append(held)
            time.sleep(0.002)
            with lock:
                held -= wanted

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, [40, 30, 20, 10] * 20))

    assert 40 < max(most) <= 100


def test_one_that_is_larger_than_all_room_has_it_alone():
    room, entered = Room(100), threading.Event()

    def small():
        with room.taken(1):
            entered.set()

    thread = threading.Thread(target=small)
    with room.taken(10**9):
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(5)
    thread.join()


def test_a_large_one_is_not_overtaken_by_many_small_ones():
    room, order = Room(100), []

    def hold(wanted):
        with room.taken(wanted):
            order.append(wanted)

    with ThreadPoolExecutor(2) as pool:
        with room.taken(60):
            large = pool.submit(hold, 100)
            wait_until(room._turn.locked)
            small = pool.submit(hold, 1)
            time.sleep(0.05)
            assert order == []
        large.result()
        small.result()

    assert order == [100, 1]


def test_room_is_given_back_where_decoding_fails():
    room = Room(100)
    with pytest.raises(ZeroDivisionError), room.taken(100):
        raise ZeroDivisionError
    with room.taken(100):
        pass
