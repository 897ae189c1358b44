"""Requests that arrive together are worked on together, and a lone one never waits.

Leader and followers: where nothing is in flight, the thread that brings an item works on it at
once. What arrives meanwhile queues up; when the leader is done, the oldest waiting thread leads the
next batch. There is no thread of the batcher's own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class QueueFull(Exception):
    """As many items wait as may wait; try again later."""


class TooLate(Exception):
    """The deadline passed before the items were worked on."""


class _Caller:
    """One thread in run(): it sleeps until all its items have results or it is to lead."""

    def __init__(self, items: int):
        self.left = items
        self.leads = False
        self.wake = threading.Event()


class _Ticket(Generic[Item]):
    """An item on its way to its result, which may be an exception."""

    def __init__(self, item: Item, caller: _Caller):
        self.item = item
        self.caller = caller
        self.result: Any = None


class Batcher(Generic[Item]):
    """Calls work(items) for up to `size` items of all threads together.

    work: takes a list of items, returns one result an item, in order; a result may be an
    exception. Where work raises, every item of the batch has that exception as its result.
    finish: takes the items and their results so far, returns their results, while the next batch
    is worked on already.
    wait_s: how long a batch that follows another waits to fill up. queue_max: most items that wait.
    in_flight: calls of work at one time.
    weigh: what an item weighs; a batch of several weighs `heaviest` at most.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Sequence[Any]],
        size: int,
        wait_s: float = 0.0,
        queue_max: int = 10_000,
        in_flight: int = 1,
        finish: Callable[[list[Item], Sequence[Any]], Sequence[Any]] | None = None,
        weigh: Callable[[Item], int] = lambda _: 0,
        heaviest: int = 0,
    ):
        self._work = work
        self._finish = finish
        self._size = size
        self._wait_s = wait_s
        self._queue_max = queue_max
        self._idle = in_flight
        self._weigh = weigh
        self._heaviest = heaviest
        self._queue: deque[_Ticket[Item]] = deque()
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)

    @property
    def waiting(self) -> int:
        """Items in the queue now."""
        return len(self._queue)

    def run(self, items: Sequence[Item], deadline: float) -> list[Any]:
        """Results of the items, in order. deadline: in time.monotonic() seconds.

        Raises QueueFull at once where the items do not fit in the queue, TooLate at the deadline.
        """
        caller = _Caller(len(items))
        tickets = [_Ticket(item, caller) for item in items]
        self._enqueue(tickets, caller)
        if caller.leads:
            self._lead(caller)
        while caller.left:
            if not caller.wake.wait(max(deadline - time.monotonic(), 0.0)):
                self._give_up(caller)
            caller.wake.clear()
            if caller.leads:
                self._fill_up()
                self._lead(caller)
        with self._lock:
            if caller.leads:  # another leader finished its items before it woke
                caller.leads = False
                self._hand_over()
        return [ticket.result for ticket in tickets]

    def _enqueue(self, tickets: list[_Ticket[Item]], caller: _Caller) -> None:
        with self._lock:
            if self._queue and len(self._queue) + len(tickets) > self._queue_max:
                raise QueueFull
            self._queue.extend(tickets)
            if self._idle:
                self._idle -= 1
                caller.leads = True
            elif len(self._queue) >= self._size:
                self._filled.notify()

    def _fill_up(self) -> None:
        if self._wait_s:
            with self._lock:
                self._filled.wait_for(lambda: len(self._queue) >= self._size, self._wait_s)

    def _lead(self, caller: _Caller) -> None:
        """Works on the next batch, hands the lead to the oldest that waits, and finishes."""
        caller.leads = False
        with self._lock:
            batch = self._next_batch()
        items = [ticket.item for ticket in batch]
        results = _results(self._work, items)
        with self._lock:
            self._hand_over()
        if self._finish:
            results = _results(self._finish, items, results)
        with self._lock:
            for ticket, result in zip(batch, results, strict=True):
                ticket.result = result
                ticket.caller.left -= 1
                if ticket.caller.left == 0 and ticket.caller is not caller:
                    ticket.caller.wake.set()

    def _next_batch(self) -> list[_Ticket[Item]]:
        """The oldest items, as many as may go together; one at least, where there is any."""
        batch: list[_Ticket[Item]] = []
        weight = 0
        while self._queue and len(batch) < self._size:
            weight += self._weigh(self._queue[0].item)
            if batch and weight > self._heaviest:
                break
            batch.append(self._queue.popleft())
        return batch

    def _hand_over(self) -> None:
        followers = (t.caller for t in self._queue if not t.caller.leads)
        successor = next(followers, None)
        if successor is None:
            self._idle += 1
        else:
            successor.leads = True
            successor.wake.set()

    def _give_up(self, caller: _Caller) -> None:
        """Takes a late caller's items out of the queue. Raises TooLate unless all are done."""
        with self._lock:
            if caller.left == 0:
                return
            self._queue = deque(t for t in self._queue if t.caller is not caller)
            if caller.leads:
                self._hand_over()
        raise TooLate


def _results(work: Callable[..., Sequence[Any]], items: list, *found: Sequence[Any]) -> Sequence:
    try:
        return work(items, *found) if items else []
    except Exception as error:
        return [error] * len(items)
