# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bodies that are malformed, slow, endless or compressed."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import bodies
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import NoAnswerError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.unit.over_https.scripted import data, serve, trusting
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import START, VERSION


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [], "total": "x"}',
        b'{"data": [], "total": [1]}',
        b'{"data": ' + b"[" * 100_000,
        b'{"data": 1',
        b"\xff\xfe",
    ],
    ids=["total of a word", "total of a list", "deep", "cut", "no text"],
)
def test_a_malformed_answer_is_an_error_of_that_request(tmp_path: Path, body: bytes) -> None:
    with serve(tmp_path, (200, {}, body), data("fine")) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="GET /version"):
            session.send("GET", VERSION, {}, 5.0)
        assert session.send("GET", VERSION, {}, 5.0).data == "fine"
        session.close()


@contextlib.contextmanager
def a_host_that_trickles(directory: Path, pause: float) -> Iterator[tuple[str, Path]]:
    """A host that sends its answer byte by byte."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "slow-ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def trickle() -> None:
        with contextlib.suppress(OSError):
            plain, _address = listener.accept()
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not ended.wait(pause):
                    connection.sendall(b" ")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", directory / "slow-ca.pem"
    finally:
        ended.set()
        listener.close()
        thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_answer_that_trickles_ends_in_time(tmp_path: Path) -> None:
    with a_host_that_trickles(tmp_path, 0.05) as (host, ca):
        session = Session(trusting(host, ca), 1)
        began = time.monotonic()
        with pytest.raises(NoAnswerError, match="not complete in time") as caught:
            session.send("POST", START, {}, 1.0)
        assert time.monotonic() - began < 5
        assert caught.value.sent
        session.close()


def test_an_answer_without_end_is_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 1 << 20)
    body = b'{"data": "' + b"x" * (2 << 20) + b'"}'
    with serve(tmp_path, (200, {}, body), data("fine")) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="more than 1 MiB"):
            session.send("GET", VERSION, {}, 5.0)
        assert session.send("GET", VERSION, {}, 5.0).data == "fine"
        session.close()


def test_what_is_compressed_unasked_is_not_unpacked(tmp_path: Path) -> None:
    """A megabyte of it can be a thousand."""
    body = gzip.compress(b'{"data": "' + b"x" * (1 << 20) + b'"}')
    with serve(tmp_path, (200, {"Content-Encoding": "gzip"}, body)) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="gzip"):
            session.send("GET", VERSION, {}, 5.0)
        assert server.seen[0]["accept-encoding"] == "identity"
        session.close()
