# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One address on which a node listens.

The first byte of a connection distinguishes TLS from plain HTTP, which is redirected to HTTPS as
`PVE/APIServer/AnyEvent.pm` does. The address of a node that is down is
closed, so that connections are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakSet

from .world import Node

FIRST_BYTE_TIMEOUT = 5.0
TLS_HANDSHAKE = b"\x16"
MAX_HEAD = 8192
HOST = re.compile(rb"^host:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Address:
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """`127.0.0.1:8006` or `[::1]:8006`; raises ValueError."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} is no ADDRESS:PORT")
        return cls(host.strip("[]"), int(port))

    @property
    def url(self) -> str:
        """`https://127.0.0.1:8006`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


class Listener:
    """Accepts connections for one node."""

    def __init__(
        self,
        address: Address,
        node: Node,
        context: ssl.SSLContext,
        protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        self.address = address
        self.node = node
        self._context = context
        self._protocol = protocol
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._transports: WeakSet[asyncio.BaseTransport] = WeakSet()

    @property
    def open(self) -> bool:
        """Whether connections are accepted."""
        return self._socket is not None

    def listen(self) -> None:
        """Bind the address, the same again after a pause, and accept connections."""
        if self._socket is not None:
            return
        family = socket.AF_INET6 if ":" in self.address.host else socket.AF_INET
        self._socket = socket.create_server(
            (self.address.host, self.address.port), family=family, backlog=512
        )
        self._socket.setblocking(False)
        self.address = Address(self.address.host, self._socket.getsockname()[1])
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._socket))

    def refuse(self) -> None:
        """Close the address: who connects is refused."""
        if self._accepting is not None:
            self._accepting.cancel()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._accepting = None

    async def close(self) -> None:
        """Refuse connections and end those that there are."""
        self.refuse()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for transport in list(self._transports):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        await asyncio.sleep(0)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _address = await loop.sock_accept(listening)
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, connection: socket.socket) -> None:
        """Hand a connection to the HTTP server, or send plain HTTP on to HTTPS."""
        try:
            first = await asyncio.wait_for(_peek(connection), FIRST_BYTE_TIMEOUT)
            if first == TLS_HANDSHAKE:
                loop = asyncio.get_running_loop()
                transport, _protocol = await loop.connect_accepted_socket(
                    self._protocol, connection, ssl=self._context, ssl_handshake_timeout=5
                )
                self._transports.add(transport)
            else:
                await _redirect(connection, self.address)
        except (OSError, asyncio.TimeoutError):
            connection.close()


async def _peek(connection: socket.socket) -> bytes:
    """The first byte of a connection, which stays to be read; empty at its end."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _redirect(connection: socket.socket, address: Address) -> None:
    """Answer plain HTTP: 301 for GET, 308 for what has a body, to the host that was asked."""
    loop = asyncio.get_running_loop()
    with contextlib.closing(connection):
        head = await loop.sock_recv(connection, MAX_HEAD)
        method, _separator, rest = head.decode("latin-1").partition(" ")
        if not rest:
            return
        status = "301 Moved Permanently" if method == "GET" else "308 Permanent Redirect"
        named = HOST.search(head)
        base = f"https://{named[1].decode('latin-1')}" if named else address.url
        location = f"{base}{rest.partition(' ')[0]}"
        answer = f"HTTP/1.1 {status}\r\nLocation: {location}\r\nConnection: close\r\n"
        await loop.sock_sendall(connection, f"{answer}Content-Length: 0\r\n\r\n".encode())
