"""Waiting for servers that tests start and that speak no HTTP."""

import socket
import subprocess
import time


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 300) -> None:
    """Wait until something answers on loopback."""
    limit = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, "it ended while it started"
            assert time.monotonic() < limit, "it did not answer"
            time.sleep(0.2)
