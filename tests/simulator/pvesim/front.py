# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before the HTTP library on every connection.

It reads the head of each request as `PVE/APIServer/AnyEvent.pm` does, answers what that refuses
there in its words, never answers heads that are too large, and ends connections that are silent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

IDLE_TIMEOUT = 5.0
"""Seconds that a connection may be silent before a request and within one."""
MAX_HEADER_LINES = 64
"""With so many lines, the empty one at the end included, a head is never answered."""
MAX_HEADER_BYTES = 8192
"""With so many bytes in its lines, line ends not included, a head is never answered."""
MAX_UNREAD = 64 * 1024
REQUEST_LINE = re.compile(rb"(\S+) (\S+) HTTP/(\d+)\.(\d+)")
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
END_OF_LINE = re.compile(rb"\r?\n")
HEADER = re.compile(rb"[^:\s]+\s*:|\s+\S")
LENGTH = re.compile(rb"content-length\s*:\s*(\d+)\s*", re.IGNORECASE)
TRANSFER = re.compile(rb"transfer-encoding\s*:\s*(.*?)\s*", re.IGNORECASE)

Refuse = Callable[[str, int, str], bytes]
"""Makes the answer that refuses a request: the protocol, the status and the reason."""
Sleep = Callable[[float], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Refusal:
    """Why a head is answered at once; the protocol is 1.0 as long as none was understood."""

    protocol: str
    status: int
    reason: str


def refusal(lines: list[bytes]) -> Refusal | None:
    """What is wrong with a head: its request line and its header lines."""
    first, *headers = lines
    match = REQUEST_LINE.search(first)
    if match is None:
        return Refusal("HTTP/1.0", 400, "bad request")
    major, minor = match[3].decode(), match[4].decode()
    if major != "1":
        return Refusal("HTTP/1.0", 506, f"http protocol version {major}.{minor} not supported")
    if re.match(rb"[^/]*@", match[2]):
        return Refusal("HTTP/1.0", 400, "invalid url")
    wrong = refused_headers(headers)
    return Refusal(f"HTTP/{major}.{minor}", *wrong) if wrong else None


def refused_headers(lines: list[bytes]) -> tuple[int, str] | None:
    """The status and the reason if the header lines are refused."""
    if not all(HEADER.match(line) for line in lines):
        return 506, "unable to parse request header"
    encoding = transfer_encoding(lines)
    if encoding not in ("", "chunked"):
        return 501, f"Unknown transfer encoding '{encoding}'"
    return None


def transfer_encoding(lines: list[bytes]) -> str:
    """The encoding of the body by the head, in lower case."""
    found = (match[1] for line in lines if (match := TRANSFER.fullmatch(line)))
    return next(found, b"").decode("latin-1").lower()


def too_large(lines: list[bytes]) -> bool:
    """Whether the header lines are more than the server takes."""
    headers = lines[1:]
    size = sum(len(line) for line in headers)
    return len(headers) + 1 >= MAX_HEADER_LINES or size >= MAX_HEADER_BYTES


class Front(asyncio.Protocol):
    """Hands whole heads, and the bodies behind them, to the protocol of the HTTP library.

    `sleep` waits by the clock of the cluster.
    """

    def __init__(self, inner: asyncio.Protocol, refuse: Refuse, sleep: Sleep) -> None:
        self._inner = inner
        self._refuse = refuse
        self._sleep = sleep
        self._unread = b""
        self._body = 0
        self._deaf: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._inner.connection_made(transport)
        self._expect_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_timer()
        if self._deaf is not None:
            self._deaf.cancel()
        self._inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client has read."""
        self._inner.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Some bytes of one request or of several."""
        if self._deaf is not None:
            return
        self._unread += data
        while self._take():
            pass
        if self._unread or self._body:
            self._expect_more()
        else:
            # From here on it is the HTTP library that knows when the connection is idle.
            self._stop_timer()

    def _take(self) -> bool:
        """Hand on a part of a body or a head; False when there is none, or not the whole."""
        if not self._unread:
            return False
        if self._body:
            part, self._unread = self._unread[: self._body], self._unread[self._body :]
            self._body -= len(part)
            self._inner.data_received(part)
            return True
        self._unread = self._unread.lstrip(b"\r\n")
        end = END_OF_HEAD.search(self._unread)
        if end is None:
            if len(self._unread) > MAX_UNREAD:
                self._ignore()
            return False
        lines = END_OF_LINE.split(self._unread[: end.start()])
        self._unread = self._unread[end.end() :]
        self._open(lines)
        return True

    def _open(self, lines: list[bytes]) -> None:
        """Begin a request, or refuse it."""
        if too_large(lines):
            self._ignore()
        elif wrong := refusal(lines):
            self._unread = b""
            assert self._transport is not None
            self._transport.write(self._refuse(wrong.protocol, wrong.status, wrong.reason))
            self._transport.close()
        else:
            lengths = [int(match[1]) for line in lines if (match := LENGTH.fullmatch(line))]
            # A chunked body is refused and ends the connection, wherever it ends itself.
            chunked = transfer_encoding(lines) == "chunked"
            self._body = MAX_UNREAD if chunked else sum(lengths[:1])
            self._inner.data_received(b"\r\n".join([*lines, b"", b""]))

    def _ignore(self) -> None:
        """Never answer, and end the connection as one that is silent."""
        self._unread, self._body = b"", 0
        self._stop_timer()
        self._deaf = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        await self._sleep(IDLE_TIMEOUT)
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _expect_more(self) -> None:
        """End the connection if nothing more comes."""
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(IDLE_TIMEOUT, self._close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
