# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP of the nodes: requests in, answers out, with Proxmox VE's headers and limits.

Limits and headers are those of `PVE/APIServer/AnyEvent.pm` and `PVE/Service/pveproxy.pm`.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from aiohttp import web
from multidict import CIMultiDict

from .answer import Answer
from .front import IDLE_TIMEOUT, MAX_UNREAD
from .multipart import Misplaced, UploadFailed, receive
from .parameters import MAX_BODY
from .request import Request
from .upload import MULTIPART

MAX_REQUESTS = 100
"""Requests on one connection; the last of them is answered with `Connection: close`."""
COMPRESS_ABOVE = 1024
NO_TYPE = "application/octet-stream"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a TCP reset."""


class Connections:
    """Counts the requests of each connection."""

    def __init__(self) -> None:
        self._served: WeakKeyDictionary[asyncio.BaseTransport, int] = WeakKeyDictionary()

    def count(self, request: web.BaseRequest) -> int:
        """How many requests the connection carried, this one included."""
        if request.transport is None:
            return MAX_REQUESTS
        served = self._served.get(request.transport, 0) + 1
        self._served[request.transport] = served
        return served


async def read(request: web.BaseRequest) -> Request:
    """The request as the API sees it; a body that is too long is not read."""
    path, _separator, query = request.raw_path.partition("?")
    length = request.content_length or 0
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    head = Request(
        request.method,
        unquote(path),
        query,
        {name.lower(): value for name, value in request.headers.items()},
        length=length,
        chunked=chunked,
    )
    if head.uploads and head.content_type == MULTIPART:
        try:
            return replace(head, upload=await receive(request))
        except Misplaced:
            return replace(head, broken="field")
        except UploadFailed:
            return replace(head, broken="form")
    body = b"" if chunked or length > MAX_BODY else await request.read()
    return replace(head, body=body)


def common_headers(now: float) -> CIMultiDict[str]:
    """The headers of every answer."""
    date = formatdate(now, usegmt=True)
    return CIMultiDict(
        {
            "Cache-Control": "max-age=0",
            "Date": date,
            "Expires": date,
            "Pragma": "no-cache",
            "Server": "pve-api-daemon/3.0",
        }
    )


def refused(protocol: str, status: int, reason: str, now: float) -> bytes:
    """An answer to what never became a request."""
    headers = common_headers(now)
    headers.extend({"Connection": "close", "Content-Length": str(len(reason))})
    lines = [f"{protocol} {status} {reason}", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", reason]).encode()


def response(request: web.BaseRequest, answer: Answer, now: float, last: bool) -> web.Response:
    """The answer with the headers of the server; `last` ends the connection."""
    headers = common_headers(now)
    body = answer.body
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    if answer.filename:
        headers["Content-Disposition"] = f'attachment; filename="{answer.filename}"'
    accepted = answer.filename or "gzip" in request.headers.get("Accept-Encoding", "")
    if len(body) > COMPRESS_ABOVE and accepted:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1, mtime=0)
    closing = answer.failed or last or not request.keep_alive
    if closing:
        headers["Connection"] = "close"
    else:
        # The header of the inner hop leaks into answers that came through it.
        if answer.leaks_close:
            headers.add("Connection", "close")
        headers.add("Connection", "Keep-Alive")
    made = web.Response(status=answer.status, reason=answer.reason, body=body, headers=headers)
    if closing:
        made.force_close()
    return made


async def truncated(request: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
    """Send the head and half of the body, then close the connection."""
    body = bytes(whole.body) if isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status, reason=whole.reason, headers=whole.headers)
    part.content_length = max(len(body), 2)
    part.force_close()
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return part


def cut(request: web.BaseRequest, reset: bool) -> web.Response:
    """End the connection without an answer; what is returned is never sent."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if reset and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        transport.abort()
    return web.Response(status=500)


async def make_runner(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> web.AppRunner:
    """A runner whose `server` makes the protocol of a connection."""
    application = web.Application(client_max_size=2 * MAX_BODY)
    application.router.add_route("*", "/{path:.*}", handle)
    application.on_response_prepare.append(_without_made_up_type)
    runner = web.AppRunner(
        application,
        access_log=None,
        keepalive_timeout=IDLE_TIMEOUT,
        max_line_size=MAX_UNREAD,
        max_field_size=MAX_UNREAD,
        lingering_time=1.0,
        handler_cancellation=False,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    return runner


async def _without_made_up_type(_request: web.BaseRequest, made: web.StreamResponse) -> None:
    """Plain text has no content type there; aiohttp would make one up."""
    if made.headers.get("Content-Type") == NO_TYPE:
        del made.headers["Content-Type"]
