"""The service as `serve` runs it, with a hand on each of its processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks import stored
from steps.shared.services import Service, free_port


class System:
    """Scoring server, history service and database, running.

    url: of the history service. database: the URL of its history.
    """

    def __init__(self, model: Path, database: str, **settings: str) -> None:
        """settings: of the history service."""
        self.database, self.settings = database, settings
        self.port, self.scoring_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "steps.serve", "--model-path", str(model)]
        ports = ["--port", str(self.port), "--scoring-port", str(self.scoring_port)]
        environment = {"DATABASE_URL": database, "LOG_LEVEL": "error", **settings}
        self.service = Service(
            "service", [*command, *ports], f"{self.url}/health/ready", environment
        )

    def processes(self, *words: str) -> list[psutil.Process]:
        """The processes whose command line has all the words, parents first."""
        parent = psutil.Process(self.service.process.pid if self.service.process else None)
        found = []
        for process in [parent, *parent.children(recursive=True)]:
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(process)
        return found

    def gunicorn(self) -> list[psutil.Process]:
        """The history service's master, then its workers."""
        return self.processes("history_service/gunicorn.conf.py")

    def scoring(self) -> list[psutil.Process]:
        """The scoring server's launcher, then what serves."""
        return self.processes(str(self.scoring_port), "mlflow")[1:] or self.processes("uvicorn")

    def rows(self) -> list[tuple[int, str]]:
        """Number and Idempotency-Key of every row, read past the service."""
        return [(row[0], row[1]) for row in stored.rows(self.database, "id, idempotency_key")]


class Postgres:
    """A PostgreSQL of our own on loopback, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not programs:
            raise SystemExit("PostgreSQL is needed: apt-get install postgresql")
        self._bin, self._folder, self._port = programs[-1].parent, folder, free_port()
        self._as = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres")
            self._as = ["setpriv", "--reuid=postgres", "--clear-groups"]
        command = [
            str(self._bin / "initdb"),
            "-D",
            f"{folder}/data",
            "-U",
            "history",
            "-A",
            "trust",
        ]
        subprocess.run([*self._as, *command], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        self.url = f"postgresql://history@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections; after a crash, that includes recovery."""
        self._control(
            "start", "-l", f"{self._folder}/log", "-w", "-o", f"-p {self._port} -k {self._folder}"
        )

    def crash(self) -> None:
        """End it without a word to anyone."""
        self._control("stop", "-m", "immediate")

    def stop(self) -> None:
        """End it in good order."""
        self._control("stop", "-m", "fast")

    def _control(self, action: str, *options: str) -> None:
        command = [str(self._bin / "pg_ctl"), "-D", f"{self._folder}/data", action, *options]
        subprocess.run(
            [*self._as, *command], check=True, stdout=subprocess.DEVNULL, cwd=self._folder
        )


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes in memory. Needs root."""
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL; who is gone already is no error."""
    for process in processes:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
