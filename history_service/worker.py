"""gunicorn's threaded worker, except that nobody holds a thread or up its end by doing nothing."""

from __future__ import annotations

import re
import socket
import sys
import time
from contextlib import suppress
from fcntl import ioctl
from functools import partial
from select import POLLIN, poll
from selectors import EVENT_READ
from termios import FIONREAD
from threading import BoundedSemaphore
from typing import Any

from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

from history_service.patient_socket import PatientSocket
from history_service.request_body import read_in_large_pieces

LINGER_MS = 20
"""Milliseconds that a thread waits for the next request of a connection before it lets it go."""
ARRIVAL_S = 10.0
"""Seconds that a request may take to arrive, from its connection or its first byte on, until a
thread gets it."""
LONGEST_HEAD = 64 * 1024
"""Bytes of an unfinished head from which on a thread reads it, up to gunicorn's own limits."""
USUAL_HEAD = 2048
"""Bytes that nearly every head is shorter than."""
FIRST_OF_BODY = 256 * 1024
"""Bytes of a body that are there before a thread gets it: most photographs as a whole."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_LAST_CHUNK = re.compile(rb"\r\n0+[^\r\n]*\r\n\r\n\Z")
END_OF_HEAD = b"\r\n\r\n"


class Worker(ThreadWorker):
    """A thread gets a connection once a request has arrived, or a good part of a long one.

    The original gives it one with the first byte, or for five seconds without any: 64 clients that
    send a byte a second, or nothing at all, keep everybody else out (slowloris). What a thread then
    still waits for, it waits for no longer than DEADLINE_S.

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
        if not self.cfg.is_ssl and not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket(fileno=conn.sock.detach())
        conn.wanted = getattr(conn, "wanted", 0)  # bytes that the poller waits for now
        wanted = 0 if self.cfg.is_ssl else _wanted(conn)
        # Woken without them: the client sends no more, or the kernel has no room for so many.
        if wanted > _unread(conn.sock) and wanted != conn.wanted:
            self._await(conn, wanted)
        else:
            if conn.wanted:
                conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
                conn.wanted = 0
            conn.told = False
            conn.data_ready = True
            super().enqueue_req(conn)

    def _await(self, conn: TConn, wanted: int) -> None:
        """Lets the poller watch the connection until so many bytes are there, or it is too late.

        The socket counts as readable only from there on (socket(7), SO_RCVLOWAT).
        """
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
        conn.sock.setblocking(False)
        if not conn.wanted:
            conn.timeout = time.monotonic() + ARRIVAL_S
        conn.wanted = wanted
        _let_go_on(conn)
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, readable)

    def handle(self, conn: TConn) -> Any:
        """What a thread of the pool runs: requests of a connection as long as they come quickly."""
        kept = self._handle_one(conn)
        while kept is True and self.alive and self._comes_next(conn):
            kept = self._handle_one(conn)
        return kept

    def _handle_one(self, conn: TConn) -> Any:
        if isinstance(conn.sock, PatientSocket):
            conn.sock.arrives_by = time.monotonic() + self.wsgi.config["DEADLINE_S"]
        return super().handle(conn)

    def handle_request(self, req: Request, conn: TConn) -> bool:
        read_in_large_pieces(req)
        return super().handle_request(req, conn)

    def _comes_next(self, conn: TConn) -> bool:
        """Whether another request has arrived, or does so within a moment."""
        if self.cfg.is_ssl:
            return END_OF_HEAD in _held(conn)
        if _held(conn):
            return _wanted(conn) <= _unread(conn.sock)
        if self.tpool._work_queue.qsize():
            return False
        if not self.lingering.acquire(blocking=False):
            return False
        try:
            return _readable(conn.sock, LINGER_MS) and _wanted(conn) <= _unread(conn.sock)
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


def _unread(sock: socket.socket) -> int:
    """Bytes that have arrived and are not read yet."""
    return int.from_bytes(ioctl(sock, FIONREAD, bytes(4)), sys.byteorder)


def _wanted(conn: TConn) -> int:
    """How many bytes the socket is to have before a thread gets the request; 0 at its end."""
    start = _start(conn)
    return 0 if start is None else max(_length(start) - len(_held(conn)), 0)


def _start(conn: TConn) -> bytes | None:
    """What there is of the next request, as far as its length can be told; None at the end.

    A usual head is short: it is not worth it to copy the picture behind it.
    """
    held, arrived = _held(conn), _peek(conn.sock, USUAL_HEAD)
    if arrived == b"":
        return None
    start = held + (arrived or b"")
    if END_OF_HEAD in start and not _CHUNKED.search(_head(start)):
        return start
    return held + (_peek(conn.sock, LONGEST_HEAD) or b"")


def _length(start: bytes) -> int:
    """Of a request, or the first FIRST_OF_BODY of it, by its first bytes; one more than these where
    they do not tell."""
    more = len(start) + 1 if len(start) < LONGEST_HEAD else 0
    head = _head(start)
    if not head:
        return more
    if _CHUNKED.search(head):
        return 0 if _LAST_CHUNK.search(start, max(len(start) - USUAL_HEAD, 0)) else more
    length = _LENGTH.search(head)
    body = min(int(length[1]), FIRST_OF_BODY) if length else 0
    return len(head) + len(END_OF_HEAD) // 2 + body


def _head(start: bytes) -> bytes:
    """Up to the end of its last line; b"" where that has not arrived."""
    return start[: start.find(END_OF_HEAD) + 2] if END_OF_HEAD in start else b""


def _let_go_on(conn: TConn) -> None:
    """Tells a client that waits for it to send its body (RFC 9110, 10.1.1), once a request.

    Whoever reads the request tells it again, which a client has to bear with.
    """
    if getattr(conn, "told", False):
        return
    head = _head(_start(conn) or b"")
    conn.told = bool(head)  # or it has nothing to be told
    if _EXPECT.search(head):
        with suppress(OSError):  # whoever reads next finds out
            conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def _peek(sock: socket.socket, most: int) -> bytes | None:
    """What has arrived and is not read yet; b"" at the end of the stream, or None."""
    sock.setblocking(False)
    try:
        return sock.recv(most, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""  # reset: whoever reads next finds out
