"""Starts the processes that the tests talk to: a scoring server, gunicorn, PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import urllib3

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, seconds: float = 30.0, process: subprocess.Popen | None = None) -> None:
    """Returns once the address answers 200. Raises ChildProcessError where `process` ended."""
    pool = urllib3.PoolManager(retries=False, timeout=1.0)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if process is not None and process.poll() is not None:
            raise ChildProcessError(f"ended with {process.returncode}")
        try:
            if pool.request("GET", url).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{url} does not answer")


@contextmanager
def running(command: list[str], **options):
    """A process that is ended, in good order, when the block is left."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class StandIn:
    """A running stand-in for the scoring server."""

    def __init__(self, url: str):
        self.url = url
        self._pool = urllib3.PoolManager(retries=False)

    def control(self, **behaviour) -> dict:
        return self._pool.request("POST", f"{self.url}/control", json=behaviour).json()

    def reset(self) -> None:
        self.control(
            delay_s=0,
            status=200,
            body="",
            chokes=False,
            older=False,
            version="3",
            calls=0,
            largest_batch=0,
            explain_delay_s=0,
            explained=0,
        )


@contextmanager
def stand_in_model(port: int | None = None):
    port = port or free_port()
    with running([sys.executable, str(HERE / "standin_model.py"), str(port)]):
        wait_for(f"http://127.0.0.1:{port}/ping")
        yield StandIn(f"http://127.0.0.1:{port}")


@contextmanager
def gunicorn(**environment: str):
    """The service as it runs in production; yields its address and its process."""
    port = free_port()
    environ = {**os.environ, "PORT": str(port), "LOG_LEVEL": "error", **environment}
    environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    command = [sys.executable, "-m", "gunicorn", "-c", "history_service/gunicorn.conf.py"]
    with running(command, cwd=ROOT, env=environ, start_new_session=True) as process:
        wait_for(f"http://127.0.0.1:{port}/health/live", process=process)
        yield f"http://127.0.0.1:{port}", process


def postgres_programs() -> Path | None:
    """The folder with initdb and postgres, as Debian installs them or on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


@contextmanager
def postgres_cluster(programs: Path, folder: Path):
    """A PostgreSQL of its own in a folder, on the loopback; yields the URL of a database."""
    port = free_port()
    as_user = _as_postgres_user(folder)
    data = folder / "data"
    subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "history", "-A", "trust", "-N"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    command = [*as_user, str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-k", str(folder), "-c", "max_connections=50"]
    with running(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        _wait_for_postgres(programs, port)
        yield f"postgresql://history@127.0.0.1:{port}/postgres"


def _as_postgres_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as the user that Debian made for it."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _wait_for_postgres(programs: Path, port: int) -> None:
    ask = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    ends = time.monotonic() + 20
    while subprocess.run(ask, check=False).returncode != 0:
        if time.monotonic() > ends:
            raise TimeoutError("PostgreSQL does not start")
        time.sleep(0.1)
