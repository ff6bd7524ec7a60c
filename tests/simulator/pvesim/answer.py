# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server sends back, and how Proxmox VE words it.

The formats are those of `PVE/APIServer/Formatter/Standard.pm`; early errors of the HTTP layer
(`PVE/APIServer/AnyEvent.pm`) are plain text without a content type.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from .calls import CallError, Download, Listing

JSON_TYPE = "application/json;charset=UTF-8"
FORMATS = ("json", "extjs")


@dataclass(frozen=True)
class Answer:
    """One answer: `leaks_close` says that a daemon behind pveproxy closed its connection."""

    status: int
    reason: str
    body: bytes = b""
    content_type: str | None = None
    leaks_close: bool = False
    unauthorized: bool = False
    """Whether credentials were refused, which takes three seconds whatever the status is."""
    filename: str | None = None
    """The name of a download; long ones are compressed even if the client did not ask."""

    @property
    def failed(self) -> bool:
        """Whether Proxmox VE closes the connection after it."""
        return self.status >= 400


class HttpError(Exception):
    """An answer that ends the handling of a request early."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def first_line(message: str) -> str:
    """The reason phrase of a message: its first line."""
    return message.split("\n", 1)[0]


def plain(status: int, text: str, newline: bool = False) -> HttpError:
    """An error of the HTTP layer: the text is the reason and the body."""
    body = f"{text}\n" if newline else text
    return HttpError(Answer(status, text, body.encode()))


def bare(status: int, reason: str) -> HttpError:
    """An error without a body: failed authentication and everything about the next hop."""
    return HttpError(Answer(status, reason, unauthorized=status == 401))


def success(result: Any, output: str) -> Answer:
    """The answer of a call that worked; `output` is the format named in the path."""
    if isinstance(result, Download):
        return Answer(200, "OK", result.text.encode(), "text/plain", filename=result.filename)
    document: dict[str, Any] = {"data": result}
    if isinstance(result, Listing):
        document = {"data": result.data}
        if result.total:
            document["total"] = result.total
        if result.changes:
            document["changes"] = result.changes
    if output == "extjs":
        document["success"] = 1
    return Answer(200, "OK", _encode(document), JSON_TYPE)


def failure(error: CallError, output: str) -> Answer:
    """The answer of a call that was refused or died."""
    # What a handler dies with ends in a newline; an unknown path is no handler's word.
    message = error.message
    if error.status != 501 and not message.endswith("\n"):
        message += "\n"
    document: dict[str, Any] = {"data": None, "message": message}
    if error.errors:
        document["errors"] = error.errors
    refused = error.status == 401
    answer = Answer(error.status, first_line(message), b"", JSON_TYPE, unauthorized=refused)
    if output == "extjs":
        document |= {"success": 0, "status": str(error.status)}
        answer = replace(answer, status=200, reason="OK")
    return replace(answer, body=_encode(document))


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
