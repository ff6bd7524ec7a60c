# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no request is answered as Proxmox VE does, or never."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pvesim.front import refusal, too_large

TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"
GET = f"GET /api2/json/version HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\n"
PUT = GET.replace("GET /api2/json/version", "PUT /api2/json/nodes/pve1/qemu/100/config")


class Line:
    """Connections to a simulator over which anything can be sent."""

    def __init__(self, simulator: Any, stack: ExitStack) -> None:
        host, port = simulator.urls[0].removeprefix("https://").split(":")
        context = ssl.create_default_context(cafile=simulator.session.verify)
        plain = socket.create_connection((host, int(port)), timeout=15)
        self.socket = stack.enter_context(context.wrap_socket(plain, server_hostname=host))

    def send(self, *parts: str) -> None:
        for part in parts:
            self.socket.sendall(part.encode())

    def end(self) -> str:
        """All that comes until the connection ends."""
        received = b""
        while part := self.socket.recv(65536):
            received += part
        return received.decode()


@pytest.fixture
def line(simulator: Any) -> Iterator[Line]:
    with ExitStack() as stack:
        yield Line(simulator, stack)


@pytest.mark.parametrize(
    ("sent", "first"),
    [
        ("nonsense\r\n\r\n", "HTTP/1.0 400 bad request"),
        ("GET /api2/json/version\r\n\r\n", "HTTP/1.0 400 bad request"),
        ("GET / HTTP/2.0\r\n\r\n", "HTTP/1.0 506 http protocol version 2.0 not supported"),
        ("GET root@pve1:8006 HTTP/1.1\r\n\r\n", "HTTP/1.0 400 invalid url"),
        (
            "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 501 Unknown transfer encoding 'gzip'",
        ),
        ("GET / HTTP/1.1\r\nno header\r\n\r\n", "HTTP/1.1 506 unable to parse request header"),
    ],
)
def test_an_invalid_request_is_refused_and_ends_the_connection(
    line: Line, sent: str, first: str
) -> None:
    line.send(sent)
    head, _separator, body = line.end().partition("\r\n\r\n")
    status_line, *headers = head.split("\r\n")
    assert status_line == first
    assert body == first.split(" ", 2)[2]
    assert "Connection: close" in headers
    assert "Server: pve-api-daemon/3.0" in headers
    assert not any(header.startswith("Content-Type") for header in headers)


def test_a_request_may_come_in_pieces_and_with_bare_line_ends(line: Line) -> None:
    head = f"\r\n{GET}Connection: close\r\n\r\n".replace("\r\n", "\n")
    for start in range(0, len(head), 7):
        line.send(head[start : start + 7])
    answer = line.end()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert '"release":"9.2"' in answer


def test_pipelined_requests_are_separated(line: Line, simulator: Any) -> None:
    put = f"{PUT}Content-Length: 14\r\n\r\ndescription=GE"
    line.send(f"{put}{GET}\r\n", f"{GET}Connection: close\r\n\r\n")
    assert line.end().count("HTTP/1.1 200 OK") == 3
    assert simulator.world.guests[100].config["description"] == "GE"


def test_a_silent_connection_is_closed_at_any_point(simulator: Any) -> None:
    with ExitStack() as stack:
        before, within, body = (Line(simulator, stack) for _unused in range(3))
        within.send(GET)
        body.send(f"{PUT}Content-Length: 20\r\n\r\nname=")
        begun = time.monotonic()
        ends = [connection.end() for connection in (before, within, body)]
        assert ends == ["", "", ""]
        assert 4.5 < time.monotonic() - begun < 7
    assert "name=" not in str(simulator.world.guests[100].config)


def test_a_head_without_an_end_is_never_answered(line: Line, simulator: Any) -> None:
    line.send(GET, "X" * 70_000)
    answer, elapsed = simulator.advance_while(line.end)
    assert answer == ""
    assert 5 <= elapsed < 7


def test_empty_lines_count_and_line_ends_do_not() -> None:
    first = b"GET / HTTP/1.1"
    assert not too_large([first, *[b"A: b"] * 62])
    assert too_large([first, *[b"A: b"] * 63])
    assert not too_large([first, b"A: " + b"b" * 8188])
    assert too_large([first, b"A: " + b"b" * 8189])


def test_a_header_may_go_on_in_the_next_line() -> None:
    assert refusal([b"GET / HTTP/1.1", b"A: b", b"  c", b"D : e", b"F:"]) is None
