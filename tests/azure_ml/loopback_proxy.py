"""A proxy that leads Azure's host names to servers on loopback, and every other name to nowhere.

Clients take it from HTTPS_PROXY, so they run as they are, against the addresses that they know.
"""

import contextlib
import fnmatch
import select
import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

HOSTS = (
    "management.azure.com",
    "login.microsoftonline.com",
    "prices.azure.com",
    "*.api.azureml.ms",
    "*.blob.core.windows.net",
    "*.westeurope.inference.ml.azure.com",
)


class Certificates:
    """An authority of our own, and one certificate for all the hosts; files below a folder."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.chain, self.key = (
            str(folder / name) for name in ("authority.pem", "chain.pem", "key.pem")
        )
        authority = trustme.CA()
        issued = authority.issue_cert(*HOSTS)
        authority.cert_pem.write_to_path(self.authority)
        issued.private_key_pem.write_to_path(self.key)
        for blob in issued.cert_chain_pems:
            blob.write_to_path(self.chain, append=True)

    def serve(self, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
        """Start an HTTPS server on a free port of loopback."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


class Proxy(socketserver.ThreadingTCPServer):
    """Understands CONNECT alone. `routes`: pattern of host names → port on loopback."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.routes: dict[str, int] = {}
        self.down = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """For HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def port_for(self, host: str) -> int | None:
        """Where a host name leads to; None for nowhere, and while the network is down."""
        if self.down:
            return None
        return next(
            (p for pattern, p in self.routes.items() if fnmatch.fnmatch(host, pattern)), None
        )


class Tunnel(socketserver.StreamRequestHandler):
    """One CONNECT and the bytes that follow it."""

    server: Proxy

    def handle(self) -> None:
        _, target, *_ = self.rfile.readline().decode().split()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        port = self.server.port_for(target.partition(":")[0])
        if port is None:
            self.wfile.write(b"HTTP/1.1 502 no such host here\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as there:
            self.wfile.write(b"HTTP/1.1 200 ok\r\n\r\n")
            with contextlib.suppress(OSError):  # either end may hang up
                self._pump(self.connection, there)

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        peers = {one: other, other: one}
        while not self.server.down:
            for ready in select.select(list(peers), [], [], 0.2)[0]:
                data = ready.recv(65_536)
                if not data:
                    return
                peers[ready].sendall(data)
