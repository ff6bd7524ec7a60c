# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is no clear answer, and whether the call may have been made all the same."""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import NoAnswerError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.unit.over_https.scripted import serve, trusting
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import (
    NOBODY,
    SECRET,
    START,
    TICKET,
    TOKEN,
    VERSION,
    Simulated,
    get,
)


def test_without_any_host_nothing_was_sent(simulated: Simulated) -> None:
    with simulated.session(api_host=[NOBODY, "127.0.0.1:10"]) as session:
        with pytest.raises(NoAnswerError, match=r"127.0.0.1:") as caught:
            session.send("POST", START, {}, 5.0)
        assert not caught.value.sent
        assert caught.value.what.startswith("127.0.0.1:10: Failed to establish a new connection")


@contextlib.contextmanager
def a_host_that_hangs_up(how: str) -> Iterator[str]:
    """A host that takes connections and ends them before TLS has begun."""
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if how == "cut in the handshake":
                connection.recv(5)
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if how == "speaks no TLS":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def serve_nobody() -> None:
        with contextlib.suppress(OSError):
            while True:
                hang_up(listener.accept()[0])

    thread = threading.Thread(target=serve_nobody)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


# Python leaves the socket of a failed handshake to its garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("how", ["closed", "reset", "cut in the handshake", "speaks no TLS"])
@pytest.mark.parametrize("identity", [TOKEN, TICKET], ids=["token", "ticket"])
def test_a_handshake_that_fails_has_sent_nothing_and_moves_to_the_next_host(
    simulated: Simulated, how: str, identity: dict[str, Any]
) -> None:
    with a_host_that_hangs_up(how) as sick:
        hosts = [sick, *simulated.simulator.hosts[1:]]
        with simulated.session(api_host=hosts, **identity) as session:
            assert session.send("POST", START, {}, 20.0).data.startswith("UPID:pve1:")
            assert str(session.host) == simulated.simulator.hosts[1]
        with simulated.session(api_host=[sick], **identity) as session:
            with pytest.raises(NoAnswerError) as caught:
                session.send("POST", START, {}, 20.0)
            assert not caught.value.sent
            del caught
    gc.collect()


@pytest.mark.parametrize(
    "status", [201, 204, 302, 307, 401, 403, 404, 408, 413, 499, 500, 502, 504]
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"error":"x"}', b"[]", b"null"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_something_in_between_answers_proves_nothing(
    tmp_path: Path, status: int, body: bytes, method: str
) -> None:
    with serve(tmp_path, (status, {}, b"" if status == 204 else body)) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError) as caught:
            session.send(method, START, {}, 5.0)
        assert caught.value.sent
        session.close()


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        ({"action": "status", "status": 595}, False),
        ({"action": "status", "status": 596}, True),
        ({"action": "status", "status": 597}, True),
        ({"action": "status", "status": 599}, True),
        ({"action": "status", "status": 502}, True),
        ({"action": "status", "status": 503}, True),
        ({"action": "html"}, True),
        ({"action": "html", "status": 200}, True),
        ({"action": "html", "status": 503}, True),
        ({"action": "truncate"}, True),
        ({"action": "drop"}, True),
        ({"action": "drop", "when": "after"}, True),
        ({"action": "reset"}, True),
        ({"action": "reset", "when": "after"}, True),
    ],
    ids=str,
)
def test_a_response_that_proves_nothing_says_whether_the_call_may_have_been_made(
    simulated: Simulated, fault: dict[str, Any], sent: bool
) -> None:
    with simulated.session() as session:
        simulated.fault(fault["action"], **{k: v for k, v in fault.items() if k != "action"})
        with pytest.raises(NoAnswerError) as caught:
            session.send("POST", START, {}, 20.0)
        assert caught.value.sent is sent
        assert str(caught.value).startswith("POST /nodes/pve1/qemu/100/status/start: ")
        assert session.requests == simulated.counted["total"] == 1
        assert SECRET not in str(caught.value)
        assert get(session)["version"], "the next request is fine"


def test_an_answer_that_takes_too_long_is_ambiguous(simulated: Simulated) -> None:
    with simulated.session() as session:
        simulated.fault("delay", seconds=5)
        with pytest.raises(NoAnswerError, match="no answer in time") as caught:
            session.send("POST", START, {}, 0.3)
        assert caught.value.sent


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with serve(tmp_path, (301, {"Location": "https://127.0.0.1:9/"}, b"")) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="redirects elsewhere"):
            session.send("GET", VERSION, {}, 5.0)
        session.close()
