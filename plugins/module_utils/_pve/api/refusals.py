# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a response with an error status proves.

A definite refusal of Proxmox VE is recognised by what only its API sends: a JSON body with
``data``, or its own reason phrase without a body. Anything else may come from a proxy in between
after the call was carried out, and proves nothing.
"""

from __future__ import annotations

import re
import typing as t
from http.client import responses

from .errors import ApiError, Cause, NoAnswerError, classify

Body = t.Union[t.Mapping[str, t.Any], None, t.Literal[False]]

# The hop from pveproxy to another node or to pvedaemon failed: 595 while connecting, 596 and the
# others after that (AnyEvent::HTTP).
_NOT_CONNECTED = 595
_HOP = range(595, 600)
# Standard phrases of any server for a status; Proxmox VE says what is wrong.
_PHRASES = ("", *responses.values())
_API_STATUSES = (400, 401, 403, 500, 501)
# What pveproxy sends without a body, or with one in plain text, before it carries anything out.
_BEFORE_THE_CALL = {
    401: r"No ticket|Authentication failed!|authentication failure|Permission denied - invalid c",
    403: r"Permission check failed|Permission denied",
    501: r"method '|Method '|Unexpected content for method|for data too large|no formatter for uri"
    r"|chunked transfer encoding",
    506: r"upload 'Content-Type",
}


def read_refusal(
    tried: str, method: str, status: int, reason: str, body: Body
) -> ApiError | NoAnswerError:
    """The error of a response with this status.

    ``body`` is the JSON object of the response, None if it has no body at all, False if its body is
    something else. ``reason`` is the reason phrase, in which releases before 8.4 put their message.
    """
    if status in _HOP:
        # A persistent connection of pveproxy may break after it sent a PUT or DELETE, which it then
        # repeats on a new one; a POST is sent once (AnyEvent::HTTP, idempotent methods).
        sent = status != _NOT_CONNECTED or method not in ("GET", "POST")
        text = f"{status} {reason}".strip()
        if not sent:
            text += ": the node, or the API daemon on it, cannot be reached"
        return NoAnswerError(tried, text, sent=sent)
    if _is_of_the_api(status, reason, body):
        said = body.get("message") if isinstance(body, t.Mapping) else None
        message = str(said or reason)
        return ApiError(tried, status, message, _errors(body))
    return NoAnswerError(
        tried, f"{status} {reason}".strip() + ", which is not a response of Proxmox VE", sent=True
    )


def _is_of_the_api(status: int, reason: str, body: Body) -> bool:
    if isinstance(body, t.Mapping):
        return status in _API_STATUSES and _is_error(body, reason)
    # These two come with a body in plain text; anything else with such a body is not from the API.
    if body is False and status not in (501, 506):
        return False
    if re.match(_BEFORE_THE_CALL.get(status, r"(?!)"), reason):
        return True
    # A proxy that drops the body keeps the reason phrase.
    return status == 500 and classify(reason) is not Cause.OTHER


def _is_error(body: t.Mapping[str, t.Any], reason: str) -> bool:
    """Whether an object is that of an error.

    It has no data, and a text, which older releases have only in the reason phrase.
    """
    if body.get("data", ...) is not None:
        return False
    if "message" in body:
        return isinstance(body["message"], str)
    if "errors" in body:
        return isinstance(body["errors"], t.Mapping)
    return reason not in _PHRASES


def _errors(body: Body) -> dict[str, str]:
    """What is wrong, by parameter."""
    errors = body.get("errors") if isinstance(body, t.Mapping) else None
    if not isinstance(errors, dict):
        return {}
    return {str(name): str(text) for name, text in errors.items()}
