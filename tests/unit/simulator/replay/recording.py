# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was recorded: requests to a real Proxmox VE 9.2 and its answers, word for word."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

DATA = Path(__file__).parents[1] / "data"
START_TIME = re.compile(r"UPID:[^:/]+:[0-9A-F]{8}:[0-9A-F]{8,9}:([0-9A-F]{8}):")


@dataclass(frozen=True)
class Recording:
    """One request with its answer; `number` is its place in time, `cut` what was left out, `at` the
    node that was asked, `shape` the data by keys and types where nothing else was kept of it."""

    number: int
    name: str
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    cut: str
    at: str = "vm"
    shape: Any = None

    @property
    def status(self) -> int:
        """The status code, 0 when the connection ended without an answer."""
        return int(self.response["status"])

    @property
    def body(self) -> Any:
        """The body, parsed where it was JSON."""
        return self.response["body"]

    @property
    def elapsed(self) -> float:
        """Seconds until the answer."""
        return float(self.response["elapsed_s"])

    @property
    def path(self) -> str:
        """The path with its query, as it was sent."""
        path, form = str(self.request["path"]), self.request["form"]
        return f"{path}?{urlencode(form, True)}" if form and not self._has_content else path

    @property
    def _has_content(self) -> bool:
        return self.request["method"] in ("POST", "PUT")

    @cached_property
    def upid(self) -> str | None:
        """The UPID in the path, unescaped and however malformed."""
        match = re.search(r"/tasks/([^/?]+)", self.path)
        return unquote(match[1]) if match else None

    @property
    def shows_an_end(self) -> bool:
        """Whether the answer shows that the task of the path had ended."""
        if not isinstance(self.body, dict) or self.upid is None:
            return False
        data = self.body.get("data")
        if isinstance(data, dict):
            return "exitstatus" in data
        if isinstance(data, list) and data and "t" in data[-1]:
            return str(data[-1]["t"]).startswith("TASK ") or "cut" in self.cut
        return False

    @property
    def shows_lines(self) -> int:
        """How many lines the log of the path had at least."""
        if self.upid is None or not isinstance(self.body, dict):
            return 0
        data = self.body.get("data")
        texts = [str(entry.get("t")) for entry in data] if isinstance(data, list) else []
        made_up = texts[:1] == ["no content"] or texts[:1] == ["unable to open file"]
        return 0 if made_up or not texts else int(self.body.get("total", 0))

    @property
    def started(self) -> int | None:
        """The epoch second of the first task that the exchange names."""
        match = START_TIME.search(unquote(self.path) + json.dumps(self.body))
        return int(match[1], 16) if match else None

    @property
    def starts_at(self) -> tuple[str, int] | None:
        """The node of the task that the answer says to have started, and when by its clock."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        match = START_TIME.match(data) if isinstance(data, str) else None
        return (str(data).split(":")[1], int(match[1], 16)) if match else None

    def content(self, size: int = 0) -> tuple[bytes, str]:
        """The body of the request and its type; a form that was cut is made up again.

        `size` is that of a file of which the beginning alone was kept, 0 where it does not matter.
        """
        form, raw = self.request["form"], self.request.get("rawbody")
        if match := re.fullmatch(r"a form of (\d+) bytes", self.cut):
            return b"x=".ljust(int(match[1]), b"x"), "application/x-www-form-urlencoded"
        if raw is not None:
            boundary = re.match(r"--(\S+)\r\n", str(raw))
            kind = (
                f"multipart/form-data; boundary={boundary[1]}" if boundary else "application/json"
            )
            return _whole(str(raw), boundary[1] if boundary else "", size).encode(), kind
        if form is not None and self._has_content:
            return urlencode(form, True).encode(), "application/x-www-form-urlencoded"
        return b"", ""


def _whole(raw: str, boundary: str, size: int) -> str:
    """A form with its end: of the files alone the beginning was kept."""
    end = f"\r\n--{boundary}--\r\n"
    if not boundary or raw.endswith(end):
        return raw
    blank = "" if "\r\n\r\n" in raw.rpartition(f"--{boundary}")[2] else "\r\n"
    begun = raw.rpartition("\r\n\r\n")[2]
    return f"{raw}{blank}{'x' * max(1, size - len(begun))}{end}"


def read(name: str) -> list[Recording]:
    """All recordings of a file in the order of time."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [
        Recording(
            r["n"],
            r["name"],
            r["request"],
            r["response"],
            r.get("shortened", ""),
            r.get("at", "vm"),
            r.get("shape"),
        )
        for r in map(json.loads, lines)
    ]
