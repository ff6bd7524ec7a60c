# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as the API sees it, free of the HTTP library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from .upload import Upload, is_upload

BASE = "/api2"
API = f"{BASE}/"
FORMAT = re.compile(rf"{BASE}/+(?P<format>[a-z][a-z0-9]+)(?P<path>/.*)?", re.DOTALL)


@dataclass(frozen=True)
class Request:
    """One request: `path` is unescaped, header names are in lower case, `length` in bytes."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int = 0
    chunked: bool = False
    upload: Upload | None = None
    """The file and the form of a body with several parts."""
    broken: str = ""
    """What is wrong with such a body: `form`, it is none with a file, or a `field` out of place."""

    @property
    def uploads(self) -> bool:
        """Whether it is for a path that takes files."""
        return is_upload(self.method, self.path)

    @property
    def content_type(self) -> str:
        """The type of the body without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def output(self) -> str:
        """The requested format: `json` in `/api2/json/version`; empty if there is none."""
        match = FORMAT.fullmatch(self.path)
        return match["format"] if match else ""

    @property
    def api_path(self) -> str:
        """The path after the format: `/version` in `/api2/json/version`."""
        match = FORMAT.fullmatch(self.path)
        return (match["path"] or "/") if match else self.path

    @property
    def cookie(self) -> str | None:
        """The ticket in the cookie `PVEAuthCookie`, decoded."""
        for part in self.headers.get("cookie", "").split(";"):
            name, _separator, value = part.strip().partition("=")
            if name == "PVEAuthCookie":
                return unquote(value)
        return None
