"""The faults: each breaks something, keeps it broken for some seconds, and mends it."""

import itertools
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.faults import impostor
from benchmarks.faults.system import Postgres, System, kill

Fault = Callable[[System, Postgres | None, float], None]
EVERY_S = 10.0
"""How often something is killed that comes back by itself."""


def _again_and_again(seconds: float, break_it: Callable[[], None]) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        break_it()
        time.sleep(max(0.0, min(EVERY_S, ends - time.monotonic())))


def nothing(_system: System, _postgres: Postgres | None, seconds: float) -> None:
    """Nothing breaks: what the others are held against."""
    time.sleep(seconds)


def scoring_killed(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """kill -9 of the scoring server, every 10 seconds."""
    _again_and_again(seconds, lambda: kill(system.scoring()))


def worker_killed(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """kill -9 of a worker of the history service, every 10 seconds."""
    _again_and_again(seconds, lambda: kill(system.gunicorn()[1:2]))


def master_killed(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """kill -9 of gunicorn's master, every 10 seconds."""
    _again_and_again(seconds, lambda: kill(system.gunicorn()[:1]))


def database_crashed(_system: System, postgres: Postgres | None, seconds: float) -> None:
    """PostgreSQL ends without a word, and is started again at the end."""
    if postgres is None:
        raise SystemExit("database-crashed needs --postgres")
    postgres.crash()
    time.sleep(seconds)
    postgres.start()


def disk_full(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """The disk of the history is filled to the last byte, and has room again at the end."""
    ballast = Path(system.database.removeprefix("sqlite:///")).parent / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65_536)
    time.sleep(seconds)
    ballast.unlink()


def model_frozen(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """The scoring server stands still (SIGSTOP), and goes on at the end (SIGCONT)."""
    frozen = system.scoring()
    for process in frozen:
        process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    for process in frozen:
        process.send_signal(signal.SIGCONT)


def model_nonsense(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """Something else listens where the scoring server did, and answers all with nonsense."""
    with impostor.instead_of(system.scoring_port, lambda: kill(system.scoring())):
        time.sleep(seconds)


def clock_set_back(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """The service's wall clock goes an hour back, and forward again at the end."""
    mark = Path(system.settings["CLOCK_BACK"])
    mark.touch()
    time.sleep(seconds)
    mark.unlink()


def slow_clients(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """200 connections that send a byte of a request a second (slowloris), half of them of its body.

    Who is thrown out comes again.
    """
    line = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    heads = itertools.cycle([line + b"X-Slow: ", line + b"\r\n"])
    connections: list[socket.socket] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for connection in _connect(system, 200 - len(connections)):
            connection.sendall(next(heads))
            connections.append(connection)
        connections = [connection for connection in connections if _takes_more(connection)]
        time.sleep(1.0)
    for connection in connections:
        connection.close()


def _takes_more(connection: socket.socket) -> bool:
    try:
        return bool(connection.send(b"a"))
    except OSError:
        connection.close()
        return False


def clients_leave(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """Clients that send a whole request and are gone before the answer, 20 a second."""
    picture = b"\xff\xd8" + os.urandom(20_000)
    body = b'--b\r\nContent-Disposition: form-data; name="img"; filename="x.jpg"\r\n\r\n'
    body += picture + b"\r\n--b--\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: multipart/form-data; boundary=b\r\n"
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with suppress(OSError):
            (connection,) = _connect(system, 1)
            connection.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            connection.close()
        time.sleep(0.05)


def many_connections(system: System, _postgres: Postgres | None, seconds: float) -> None:
    """10,000 connections are opened and say nothing."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    connections = [socket.socket() for _ in range(10_000)]
    for connection in connections:
        connection.setblocking(False)  # nobody may be there to take it
        connection.connect_ex(("127.0.0.1", system.port))
    time.sleep(seconds)
    for connection in connections:
        connection.close()


def _connect(system: System, count: int) -> list[socket.socket]:
    connections = []
    for _ in range(count):
        with suppress(OSError):
            connections.append(socket.create_connection(("127.0.0.1", system.port), timeout=5))
    return connections


FAULTS: dict[str, Fault] = {
    "nothing": nothing,
    "scoring-killed": scoring_killed,
    "worker-killed": worker_killed,
    "master-killed": master_killed,
    "database-crashed": database_crashed,
    "disk-full": disk_full,
    "model-frozen": model_frozen,
    "model-nonsense": model_nonsense,
    "clock-set-back": clock_set_back,
    "slow-clients": slow_clients,
    "clients-leave": clients_leave,
    "many-connections": many_connections,
}
