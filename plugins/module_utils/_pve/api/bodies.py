# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of an answer: read in the time and of the size that it may have, then as JSON."""

from __future__ import annotations

import json
import time
import typing as t

from .calls import Answer
from .libraries import JsonSerializer

if t.TYPE_CHECKING:
    from .libraries import Response

# No list of the API is nearly as large, and all of it is kept in memory.
MOST_BYTES = 64 << 20
_PIECE = 1 << 16


class NotJsonError(ValueError):
    """An answer has another body than the API gives."""


class SlowError(OSError):
    """An answer goes on and on."""


def read_body(response: Response, deadline: float) -> None:
    """Read the whole body, in the time and of the size that an answer may take.

    The timeout of a socket is for one piece, so a server that sends a byte a second would never
    meet it.
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
    """What comes of the body, as it comes; compressed only if somebody insists on that."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NotJsonError(f"encoded as {response.headers['Content-Encoding'][:20]!r}, unasked")
    # urllib3 itself waits until a whole piece is there, however long that takes.
    source = t.cast("t.Any", response.raw)._fp  # noqa: SLF001
    while True:
        piece = source.read1(_PIECE)
        if not piece:
            return
        yield piece


class Serializer(JsonSerializer):
    """Keeps ``total`` of an answer and ``message`` of an error."""

    def loads(self, response: Response) -> Answer:
        body = body_of(response)
        if body is False or "data" not in body or response.status_code != 200:
            raise NotJsonError(f"{response.status_code} {response.reason}, {_start(response)}")
        return Answer(body["data"], _whole(body.get("total")))

    def loads_errors(self, response: Response) -> t.Any:
        """The JSON object; None where there is no body, False where there is another one."""
        return body_of(response) if response.content else None


def _whole(value: t.Any) -> int:
    """A count of the server, 0 where it gives none."""
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
