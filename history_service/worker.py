"""gunicorn's threaded worker, except that nobody holds a thread or up its end by doing nothing."""

from __future__ import annotations

import socket
import time
from functools import partial
from select import POLLIN, poll
from selectors import EVENT_READ
from threading import BoundedSemaphore
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LINGER_MS = 20
"""Milliseconds that a thread waits for the next request of a connection before it lets it go."""

HEAD_S = 10.0
"""Seconds that a request's head may take to arrive, from its connection or its first byte on."""
LONGEST_HEAD = 64 * 1024
"""Bytes of an unfinished head from which on a thread reads it, up to gunicorn's own limits."""
USUAL_HEAD = 2048
"""Bytes that nearly every head is shorter than."""


class Worker(ThreadWorker):
    """A thread gets a connection once the head of a request has arrived.

    The original gives it one with the first byte, or for five seconds without any: 64 clients that
    send a byte a second, or nothing at all, keep everybody else out (slowloris).

    A thread that has answered stays with the connection for a moment: a client that asks again at
    once is heard at once. The original passes the connection to the thread that polls, which passes
    it to one of the pool: two more threads to wake for each request. Half of the threads may do
    so, and none while a request waits for a thread.

    Asked to stop, it finishes the requests in flight and closes connections that have none. The
    original waits its whole grace period for every browser that keeps a connection open.
    """

    def init_process(self) -> None:
        self.lingering = BoundedSemaphore(max(self.cfg.threads // 2, 1))
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """What the original calls with every connection that it takes or that says something."""
        known = self.cfg.is_ssl or _held(conn)
        head = b"" if known else _arrived(conn.sock)
        if head is None:
            self._await_more(conn, 1)
        elif head and b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD:
            self._await_more(conn, len(head) + 1)
        else:
            if getattr(conn, "head_ends", None) is not None:
                _wake_at(conn.sock, 1)
                conn.head_ends = None
            conn.data_ready = True
            super().enqueue_req(conn)

    def _await_more(self, conn: TConn, count: int) -> None:
        """Lets the poller watch the connection until so many bytes are there, or it is too late."""
        _wake_at(conn.sock, count)
        conn.sock.setblocking(False)
        if getattr(conn, "head_ends", None) is None:
            conn.head_ends = time.monotonic() + HEAD_S
        conn.timeout = conn.head_ends
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, readable)

    def handle(self, conn: TConn) -> Any:
        """What a thread of the pool runs: requests of a connection as long as they come quickly."""
        kept = super().handle(conn)
        while kept is True and self.alive and self._comes_next(conn):
            kept = super().handle(conn)
        return kept

    def _comes_next(self, conn: TConn) -> bool:
        """Whether the whole head of another request has arrived, or does so within a moment."""
        if held := _held(conn):
            return b"\r\n\r\n" in held
        if self.cfg.is_ssl or self.tpool._work_queue.qsize():
            return False
        if not self.lingering.acquire(blocking=False):
            return False
        try:
            return _readable(conn.sock, LINGER_MS) and b"\r\n\r\n" in (_arrived(conn.sock) or b"")
        finally:
            self.lingering.release()

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.method_queue.defer(self._close_idle)

    def _close_idle(self) -> None:
        for connection in (*self.keepalived_conns, *self.pending_conns):
            connection.timeout = 0.0
        self.murder_keepalived()
        self.murder_pending()


def _held(conn: TConn) -> bytes:
    """What the parser has read beyond the last request: the next one's head began there."""
    return conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""


def _readable(sock: socket.socket, within_ms: int) -> bool:
    poller = poll()
    poller.register(sock, POLLIN)
    return bool(poller.poll(within_ms))


def _arrived(sock: socket.socket) -> bytes | None:
    """What has arrived and is not read yet; b"" at the end of the stream, or None.

    A usual head is short: it is not worth it to copy the picture behind it.
    """
    peek = socket.MSG_PEEK | socket.MSG_DONTWAIT
    try:
        head = sock.recv(USUAL_HEAD, peek)
        return head if b"\r\n\r\n" in head else sock.recv(LONGEST_HEAD, peek)
    except BlockingIOError:
        return None
    except OSError:
        return b""  # reset: whoever reads next finds out


def _wake_at(sock: socket.socket, count: int) -> None:
    """Makes the socket count as readable from so many bytes on (socket(7), SO_RCVLOWAT)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
