# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is below a path, and what is empty where nobody has configured anything."""

from __future__ import annotations

from typing import Any

import pytest

EMPTY_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


@pytest.mark.parametrize(
    ("path", "key", "children"),
    [
        ("/", "subdir", {"access", "cluster", "nodes", "pools", "storage", "version"}),
        ("/cluster/ha/status", "name", {"current", "manager_status", "arm-ha", "disarm-ha"}),
        ("qemu/100/firewall", "name", {"aliases", "ipset", "log", "options", "refs", "rules"}),
    ],
)
async def test_an_index_names_the_paths_below(
    cell: Any, path: str, key: str, children: set[str]
) -> None:
    entries = await cell.call("GET", path)
    assert {entry[key] for entry in entries} <= children
    assert len(entries) == len({entry[key] for entry in entries}) > 1


@pytest.mark.parametrize("path", ["/cluster/backup", "qemu/100/firewall/rules", "replication"])
async def test_lists_of_unconfigured_things_are_empty(cell: Any, path: str) -> None:
    assert await cell.call("GET", path) == []


async def test_a_firewall_without_options_has_the_digest_of_nothing(cell: Any) -> None:
    assert await cell.call("GET", "qemu/100/firewall/options") == {"digest": EMPTY_SHA1}


async def test_lists_have_the_initial_entries(cell: Any) -> None:
    targets = await cell.call("GET", "/cluster/notifications/targets")
    assert [target["name"] for target in targets] == ["mail-to-root"]


async def test_a_schedule_lists_its_next_runs(cell: Any) -> None:
    path, params = "/cluster/jobs/schedule-analyze", {"schedule": "daily", "iterations": 2}
    moments = await cell.call("GET", path, params)
    assert [moment["timestamp"] % 86400 for moment in moments] == [0, 0]
    assert all(moment["utc"].endswith("00:00:00 2026") for moment in moments)
    refusal = await cell.refusal("GET", path, {"schedule": "foo"})
    assert refusal.status == 400


async def test_the_ha_manager_lists_its_resources(cell: Any) -> None:
    path = "/cluster/ha/status/manager_status"
    cell.world.ha.clear()
    idle = await cell.call("GET", path)
    assert (idle["manager_status"], idle["quorum"]["quorate"]) == ({"node_status": {}}, "1")
    cell.world.ha["vm:101"] = {"state": "started"}
    assert "vm:101" in (await cell.call("GET", path))["manager_status"]["service_status"]
