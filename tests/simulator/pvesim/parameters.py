# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the parameters of a request: query, form or JSON body (`PVE/APIServer/AnyEvent.pm`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from .answer import bare, plain
from .calls import CallError
from .request import Request

MAX_BODY = 512 * 1024
FORM = "application/x-www-form-urlencoded"
CONFLICT = "duplicate parameter (already defined in URI) with conflicting values!"
# How Perl's JSON module words what Python's finds.
PERL_JSON = {
    "Expecting property name enclosed in double quotes": "'\"' expected",
    "Illegal trailing comma before end of object": "'\"' expected",
    "Expecting ',' delimiter": ", or } expected while parsing object/hash",
    "Expecting ':' delimiter": "':' expected",
    "Extra data": "garbage after JSON object",
    "Unterminated string starting at": "unexpected end of string while parsing JSON string",
}
MALFORMED = "malformed JSON string, neither tag, array, object, number, string or atom"


def check_transfer(request: Request) -> None:
    """Refuse a body of unknown length from any user; raises HttpError."""
    if request.chunked:
        raise plain(501, "chunked transfer encoding not supported")


def check_content(request: Request) -> None:
    """Refuse a body that the HTTP layer does not take; raises HttpError."""
    if not request.length:
        return
    if request.method not in ("POST", "PUT"):
        raise plain(501, f"Unexpected content for method '{request.method}'")
    if request.broken == "field":
        raise bare(400, "Bad Request")
    if request.broken:
        at = "at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 1370."
        raise plain(500, f"upload failed {at}", newline=True)
    if request.upload is not None:
        return
    if request.content_type not in ("", FORM, "application/json"):
        raise plain(506, f"upload 'Content-Type '{request.content_type}' not implemented")
    if request.length > MAX_BODY:
        raise plain(501, "for data too large")


def parameters(request: Request) -> dict[str, Any]:
    """Body and query together; the query wins. Raises HttpError for a body that is no JSON."""
    found: dict[str, Any] = {}
    if request.method in ("POST", "PUT") and request.body:
        if request.content_type == "application/json":
            found.update(_json(request.body))
        else:
            found.update(decode_form(request.body.decode("utf-8", "replace")))
    found.update(decode_form(request.query))
    found.pop("_dc", None)
    if (upload := request.upload) is not None:
        found.update(upload.fields)
        found |= {"filename": upload.filename, "tmpfilename": upload.tmpfilename}
    return found


def with_path(given: Mapping[str, Any], path_params: Mapping[str, str]) -> dict[str, Any]:
    """Parameters and those of the path; raises CallError 400 when they contradict."""
    wrong = {
        name: CONFLICT
        for name, value in path_params.items()
        if name in given and str(given[name]) != value
    }
    if wrong:
        raise CallError(400, "Parameter verification failed.", wrong)
    return {**given, **path_params}


def decode_form(text: str) -> dict[str, Any]:
    """`a=1&b=2&b=3` as `{a: "1", b: ["2", "3"]}`."""
    found: dict[str, Any] = {}
    for pair in re.split("[&;]", text):
        if not pair:
            continue
        key, _separator, value = pair.partition("=")
        name, content = unquote_plus(key), unquote_plus(value)
        if name in found:
            old = found[name]
            found[name] = [*old, content] if isinstance(old, list) else [old, content]
        else:
            found[name] = content
    return found


def _json(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        reason = PERL_JSON.get(error.msg, MALFORMED)
        rest = text[error.pos : error.pos + 20].rstrip("}") or "(end of string)"
        shown = rest if rest == "(end of string)" else f'"{rest}"'
        where = f"at character offset {error.pos} (before {shown})"
        at = "at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934."
        raise plain(500, f"{reason}, {where} {at}", newline=True) from error
    if not isinstance(document, dict):
        raise plain(500, "Not a HASH reference", newline=True)
    return {name: value for name, value in document.items() if value is not None}
