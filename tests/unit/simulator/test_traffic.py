# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting."""

from __future__ import annotations

from pvesim.traffic import Traffic


def test_counters_of_requests_logins_and_connections_can_be_reset() -> None:
    traffic = Traffic()
    for label in ("GET /version", "POST /access/ticket", "GET /version"):
        traffic.request(label)
    traffic.connection()
    assert traffic.as_json() == {
        "counts": {"GET /version": 2, "POST /access/ticket": 1},
        "total": 3,
        "connections": 1,
        "logins": 1,
    }
    traffic.clear()
    assert traffic.as_json()["total"] == 0
