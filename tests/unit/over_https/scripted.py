# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that gives the answers of a test, one after the other, over TLS."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import TOKEN


@dataclass
class Scripted:
    """The server: ``host`` as api_host takes it, ``seen`` are the headers of every request."""

    host: str
    ca: Path
    answers: list[tuple[int, dict[str, str], bytes]]
    seen: list[dict[str, str]] = field(default_factory=list)


def data(value: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """An answer of the API."""
    return 200, headers, json.dumps({"data": value}).encode()


@contextlib.contextmanager
def serve(
    directory: Path, *answers: tuple[int, dict[str, str], bytes], name: str = "127.0.0.1"
) -> Iterator[Scripted]:
    """Serve for the block; the certificate is for ``name``, signed by ``ca``."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "scripted-ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    script = Scripted("", directory / "scripted-ca.pem", list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.seen.append({key.lower(): value for key, value in self.headers.items()})
            status, headers, body = script.answers.pop(0)
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - names of the base class

        def log_message(self, *_args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    script.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def trusting(host: str, ca: Path, **options: Any) -> Connection:
    """A connection by a token to such a server."""
    return Connection.from_options({"api_host": host, "ca_path": str(ca), **TOKEN, **options})
