# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what clients asked, so that tests can measure them, and remembers what they sent."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

REMEMBERED = 1000
"""Requests whose parameters are remembered, the last ones."""
HIDDEN = "********"
SECRET = re.compile(
    r"pass|secret|otp|ticket|challenge|keyring|(^|-)key$|^value$|vnc", re.IGNORECASE
)


def without_secrets(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a request, those hidden that may be secrets."""
    return {
        name: HIDDEN if SECRET.search(name) else value for name, value in sorted(parameters.items())
    }


class Traffic:
    """Requests by method and path template, connections and logins; `/_sim` is not counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._connections = 0
        self._logins = 0
        self._calls: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def request(
        self, label: str, path: str = "", parameters: Mapping[str, Any] | None = None
    ) -> None:
        """A request came in, whatever becomes of it; the label is `METHOD /path/template`."""
        self._counts[label] += 1
        sent = without_secrets(parameters or {})
        self._calls.append({"request": label, "path": path, "parameters": sent})
        if label == "POST /access/ticket":
            self._logins += 1

    def connection(self) -> None:
        """A connection carried its first request."""
        self._connections += 1

    def clear(self) -> None:
        """Begin again at zero."""
        self._counts.clear()
        self._calls.clear()
        self._connections = self._logins = 0

    def as_json(self, *, calls: bool = False) -> dict[str, Any]:
        """`{counts: {label: n}, total, connections, logins}`; `calls`: what each one sent too."""
        found = {
            "counts": dict(sorted(self._counts.items())),
            "total": self._counts.total(),
            "connections": self._connections,
            "logins": self._logins,
        }
        return found | ({"calls": list(self._calls)} if calls else {})
