"""Child processes that serve: started, watched until they answer, started again, stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steps.shared.stage import StageError

START_S = 120.0
"""Longest a service may take until it answers."""
STOP_S = 30.0
"""Longest a service may take to finish what it has begun, before it is killed."""
POLL_S = 0.2
RESTART_PAUSE_S = 1.0


@dataclass
class Service:
    """A process that listens on a port; `health` is the URL that answers 200 once it works."""

    name: str
    command: Sequence[str]
    health: str
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it, in a process group of its own: Ctrl-C reaches us alone, and we stop it."""
        environment = {**os.environ, **self.env}
        path = Path(sys.executable).parent  # `mlflow models serve` starts uvicorn by name
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True)

    def answers(self) -> bool:
        """Whether it works right now."""
        try:
            with urllib.request.urlopen(self.health, timeout=2) as response:  # noqa: S310  # nosec B310
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait(self, seconds: float = START_S) -> None:
        """Wait until it answers. Raises StageError where it ends or takes too long."""
        limit = time.monotonic() + seconds
        while not self.answers():
            if self.ended():
                raise StageError(f"the {self.name} ended while it started; see its output above.")
            if time.monotonic() > limit:
                raise StageError(f"the {self.name} did not answer within {seconds:.0f} seconds.")
            time.sleep(POLL_S)

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process is None or self.process.poll() is not None

    def stop(self, seconds: float = STOP_S) -> None:
        """Ask it and what it started to finish, and kill what does not."""
        if self.process is None:
            return
        for kind in (signal.SIGTERM, signal.SIGKILL):
            limit = time.monotonic() + seconds
            try:
                os.killpg(self.process.pid, kind)
                while time.monotonic() < limit:
                    self._reap(self.process)
                    os.killpg(self.process.pid, 0)  # fails once the whole group is gone
                    time.sleep(POLL_S / 4)
            except ProcessLookupError:
                return

    def _reap(self, process: subprocess.Popen) -> None:
        # What ended stays in its group until somebody asks; as process 1 of a container we are
        # also the parent of what our child leaves behind.
        process.poll()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-process.pid, os.WNOHANG)


def watch(services: Sequence[Service]) -> None:
    """Keep services running until interrupted: one that ends is started again."""
    while True:
        for service in services:
            if service.ended():
                print(f"serve: the {service.name} ended; it is started again", flush=True)
                time.sleep(RESTART_PAUSE_S)
                service.start()
        time.sleep(POLL_S)


def free_port() -> int:
    """A port on loopback that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require_free(host: str, port: int, flag: str) -> None:
    """Raise StageError where something listens on the port already."""
    try:
        family, kind, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise StageError(
            f"port {port} on {host} cannot be used ({error.strerror}): "
            f"stop what uses it, or choose another with {flag}."
        ) from error
