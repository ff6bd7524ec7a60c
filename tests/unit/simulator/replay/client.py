# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that sends what it is told, and keeps every header of the answer."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ENDED = "RemoteDisconnected: Remote end closed connection without response"


@dataclass(frozen=True)
class Reply:
    """One answer; status 0 when the connection ended without one."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def values(self, name: str) -> list[str]:
        """Every value of a header, in their order."""
        return [value for key, value in self.headers if key == name]

    @property
    def body(self) -> Any:
        """The body, parsed when it is JSON."""
        raw = gzip.decompress(self.content) if self.values("content-encoding") else self.content
        text = raw.decode()
        if not self.values("content-type") or "json" not in self.values("content-type")[0]:
            return text
        return json.loads(text)


async def exchange(
    url: str, trust: ssl.SSLContext, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    """Send one request on a connection of its own."""
    where = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=trust)
    except ConnectionError:
        return Reply(0, ENDED)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {where.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        return await _reply(reader, method)
    except (asyncio.IncompleteReadError, ConnectionError):
        return Reply(0, ENDED)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _reply(reader: asyncio.StreamReader, method: str) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    _unused, status, reason = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _unused, value in pairs)
    reply = Reply(int(status), reason, headers)
    length = int((reply.values("content-length") or ["0"])[0])
    content = await reader.readexactly(length) if length and method != "HEAD" else b""
    return Reply(reply.status, reply.reason, headers, content)
