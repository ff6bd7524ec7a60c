# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a response: read within limits of time and size, then parsed as JSON."""

from __future__ import annotations

import json
import time
import typing as t

from .calls import Answer
from .libraries import JsonSerializer

if t.TYPE_CHECKING:
    from .libraries import Response

# No list of the API is nearly this large, and the whole body is kept in memory.
MOST_BYTES = 64 << 20
_PIECE = 1 << 16


class NotJsonError(ValueError):
    """A response has a body that the API never sends."""


class SlowError(OSError):
    """A response does not end in time, or is too large."""


def read_body(response: Response, deadline: float) -> None:
    """Read the whole body, within the limits of time and size.

    The timeout of a socket applies to each chunk, so a server that sends a byte per second would
    never hit it.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in _pieces(response):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise NotJsonError(f"more than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise SlowError("the response was not complete in time")
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and int(expected) != size and response.request.method != "HEAD":
        raise NotJsonError(f"{size} of {expected} bytes received")
    response._content = b"".join(pieces)  # noqa: SLF001 - requests has no other way to give it
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001


def _pieces(response: Response) -> t.Iterator[bytes]:
    """The chunks of the body as they arrive; they are compressed only if a server insists on it."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NotJsonError(f"encoded as {response.headers['Content-Encoding'][:20]!r}, unasked")
    # urllib3 itself waits for a whole chunk, however long that takes.
    source = t.cast("t.Any", response.raw)._fp  # noqa: SLF001
    while True:
        piece = source.read1(_PIECE)
        if not piece:
            return
        yield piece


class Serializer(JsonSerializer):
    """Keeps the ``total`` of a response and the ``message`` of an error."""

    def loads(self, response: Response) -> Answer:
        body = body_of(response)
        if body is False or "data" not in body or response.status_code != 200:
            raise NotJsonError(f"{response.status_code} {response.reason}, {_start(response)}")
        return Answer(body["data"], _whole(body.get("total")))

    def loads_errors(self, response: Response) -> t.Any:
        """The JSON object; None without a body, False for any other body."""
        return body_of(response) if response.content else None


def _whole(value: t.Any) -> int:
    """A count from the server, 0 if it sends none."""
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        raise NotJsonError(f"the total is {str(value)[:40]!r}") from None


def body_of(response: Response) -> dict[str, t.Any] | t.Literal[False]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return False
    return body if isinstance(body, dict) else False


def _start(response: Response) -> str:
    text = response.content[:60].decode("utf-8", "replace")
    return f"begins with {text!r}" if text else "empty body"
