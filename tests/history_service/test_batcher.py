"""The batcher: together what arrives together, and nobody waits alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import wait_until

from history_service.batcher import Batcher, QueueFull, TooLate


def soon() -> float:
    return time.monotonic() + 5


class Work:
    """Doubles numbers; keeps the batches that it saw; waits for `gate` where there is one."""

    def __init__(self, gate: threading.Event | None = None):
        self.batches: list[list[int]] = []
        self.gate = gate
        self.started = threading.Event()

    def __call__(self, batch: list[int]) -> list[int]:
        self.batches.append(batch)
        self.started.set()
        if self.gate is not None:
            assert self.gate.wait(5)
        return [2 * item for item in batch]


def test_a_lone_item_does_not_wait_for_company():
    batcher = Batcher(Work(), size=16, wait_s=1.0)
    started = time.monotonic()
    assert batcher.run([1], soon()) == [2]
    assert time.monotonic() - started < 0.9


def test_what_arrives_meanwhile_goes_together():
    gate = threading.Event()
    work = Work(gate)
    batcher = Batcher(work, size=16)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.run, [0], soon())
        assert work.started.wait(5)
        others = [pool.submit(batcher.run, [i], soon()) for i in range(1, 6)]
        wait_until(lambda: batcher.waiting == 5)
        gate.set()
        assert first.result() == [0]
        assert [other.result() for other in others] == [[2], [4], [6], [8], [10]]
    assert len(work.batches) == 2
    assert sorted(work.batches[1]) == [1, 2, 3, 4, 5]


def test_a_batch_of_several_is_not_too_heavy():
    gate = threading.Event()
    work = Work(gate)
    batcher = Batcher(work, size=16, weigh=lambda item: item, heaviest=10)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.run, [0], soon())
        assert work.started.wait(5)
        second = pool.submit(batcher.run, [4, 6, 1, 50, 3], soon())
        wait_until(lambda: batcher.waiting == 5)
        gate.set()
        assert first.result() == [0]
        assert second.result() == [8, 12, 2, 100, 6]
    assert work.batches == [[0], [4, 6], [1], [50], [3]]


def test_a_following_batch_waits_to_fill_up_for_wait_s_only():
    gate = threading.Event()
    work = Work(gate)
    batcher = Batcher(work, size=3, wait_s=0.2)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.run, [0], soon())
        assert work.started.wait(5)
        others = [pool.submit(batcher.run, [1], soon())]
        gate.set()
        first.result()
        others += [pool.submit(batcher.run, [i], soon()) for i in (2, 3)]
        assert [other.result() for other in others] == [[2], [4], [6]]
    assert [len(batch) for batch in work.batches] in ([1, 3], [1, 1, 2])


def test_no_batch_is_larger_than_size():
    work = Work()
    assert Batcher(work, size=4).run(list(range(10)), soon()) == [2 * i for i in range(10)]
    assert [len(batch) for batch in work.batches] == [4, 4, 2]


def test_each_item_may_have_an_error_of_its_own_and_a_failed_batch_fails_all_of_it():
    mixed = Batcher(lambda batch: [ValueError() if item else item for item in batch], size=4)
    results = mixed.run([0, 1], soon())
    assert results[0] == 0
    assert isinstance(results[1], ValueError)

    def broken(batch):
        raise OSError("gone")

    assert all(isinstance(one, OSError) for one in Batcher(broken, size=4).run([1, 2], soon()))


def test_the_next_batch_is_worked_on_while_one_is_finished():
    gate = threading.Event()
    work = Work()

    def finish(items, results):
        if items == [1]:
            assert gate.wait(5)
        return [result + 1 for result in results]

    batcher = Batcher(work, size=4, finish=finish)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(batcher.run, [1], soon())
        assert work.started.wait(5)
        assert batcher.run([2, 3], soon()) == [5, 7]
        assert not first.done()
        gate.set()
        assert first.result() == [3]
    assert work.batches == [[1], [2, 3]]


def test_a_batch_that_cannot_be_finished_fails_and_the_next_does_not():
    def finish(items, results):
        if items == [1]:
            raise OSError("full")
        return results

    batcher = Batcher(Work(), size=4, finish=finish)
    assert [str(one) for one in batcher.run([1], soon())] == ["full"]
    assert batcher.run([2], soon()) == [4]


def test_a_full_queue_refuses_at_once():
    gate = threading.Event()
    work = Work(gate)
    batcher = Batcher(work, size=1, queue_max=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.run, [0], soon())
        assert work.started.wait(5)
        second = pool.submit(batcher.run, [1], soon())
        wait_until(lambda: batcher.waiting == 1)
        with pytest.raises(QueueFull):
            batcher.run([2], soon())
        gate.set()
        assert (first.result(), second.result()) == ([0], [2])


def test_who_waits_past_the_deadline_leaves_and_nobody_works_for_them():
    gate = threading.Event()
    work = Work(gate)
    batcher = Batcher(work, size=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(batcher.run, [0], soon())
        assert work.started.wait(5)
        with pytest.raises(TooLate):
            batcher.run([1], time.monotonic() + 0.05)
        gate.set()
        first.result()
    assert batcher.run([2], soon()) == [4]
    assert work.batches == [[0], [2]]


def test_under_a_storm_every_item_gets_its_own_result_once():
    together = threading.Barrier(3)
    meet = threading.Event()

    def work(batch):
        if meet.is_set():
            together.wait(5)
        time.sleep(0.0005)
        return [2 * item for item in batch]

    batcher = Batcher(work, size=7, in_flight=3, wait_s=0.001)

    def send(i: int) -> bool:
        items = list(range(i, i + i % 5 + 1))
        return batcher.run(items, soon()) == [2 * item for item in items]

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(send, range(800)))
        assert batcher.waiting == 0
        meet.set()  # each call waits for two others: no place of the three was lost on the way
        full = list(range(7))
        answers = list(pool.map(lambda _: batcher.run(full, soon()), range(3)))
    assert answers == [[2 * item for item in full]] * 3
