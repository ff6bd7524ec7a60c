# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is recorded of every request: their number, and the server's clock."""

from __future__ import annotations

import email.utils
import threading
import time


class Observer:
    """Counts requests and tracks the server's clock; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._server_time = (time.time(), time.monotonic())

    @property
    def requests(self) -> int:
        """How many requests were sent, logins included."""
        return self._requests

    def server_time(self) -> float:
        """The server's clock by its last response, seconds since the epoch; before that, ours."""
        at, seen = self._server_time
        return at + time.monotonic() - seen

    def sending(self) -> None:
        """Note that a request is sent."""
        with self._lock:
            self._requests += 1

    def answered(self, date: str | None) -> None:
        """Note a response with this ``Date`` header, the server's clock."""
        seconds = _moment(date)
        if seconds is not None:
            self._server_time = (seconds, time.monotonic())


def _moment(date: str | None) -> float | None:
    """Epoch seconds of a Date header, None if it is missing or invalid."""
    try:
        stamp = email.utils.parsedate_tz(date) if date else None
        return None if stamp is None else float(email.utils.mktime_tz(stamp))
    except (ValueError, OverflowError, OSError, TypeError):
        return None
