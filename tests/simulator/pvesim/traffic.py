# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what clients asked, so that tests can measure them."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Traffic:
    """Requests by method and path template, connections and logins; `/_sim` is not counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._connections = 0
        self._logins = 0

    def request(self, label: str) -> None:
        """A request came in, whatever becomes of it; the label is `METHOD /path/template`."""
        self._counts[label] += 1
        if label == "POST /access/ticket":
            self._logins += 1

    def connection(self) -> None:
        """A connection carried its first request."""
        self._connections += 1

    def clear(self) -> None:
        """Begin again at zero."""
        self._counts.clear()
        self._connections = self._logins = 0

    def as_json(self) -> dict[str, Any]:
        """`{counts: {label: n}, total, connections, logins}`."""
        return {
            "counts": dict(sorted(self._counts.items())),
            "total": self._counts.total(),
            "connections": self._connections,
            "logins": self._logins,
        }
