# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes whose clocks differ, and silent nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    add_guest,
    cluster,
    default_world,
)

LOSSES: Mapping[str, Mapping[str, Any]] = {
    "dropped before": {"action": "drop", "when": "before"},
    "dropped after": {"action": "drop", "when": "after"},
    "reset after": {"action": "reset", "when": "after"},
    "596 after": {"action": "status", "status": 596, "when": "after"},
    "html after": {"action": "html", "when": "after"},
    "truncated": {"action": "truncate", "when": "after"},
}


@pytest.mark.parametrize("offset", [-600, 600])
@pytest.mark.parametrize("node", ["pve1", "pve2"], ids=["the node at work", "the node asked"])
@pytest.mark.seeds(len(LOSSES), 2)
def test_a_lost_answer_is_found_whatever_the_clocks_say(offset: int, node: str, seed: int) -> None:
    world = default_world()
    for vmid in (301, 302):
        add_guest(world, vmid, like=100)
    with cluster(world) as there:
        there.admin("POST", f"nodes/{node}/clock", offset=offset)
        for path in ("/nodes/pve1/qemu/9000/clone", "/nodes/pve1/qemu/301/status/start"):
            there.fault(**{"method": "POST", "path": path, **list(LOSSES.values())[seed - 1]})
        # An earlier task of the same type, which must not be taken for the lost one.
        asyncio.run(there.run("operation", operation="configure", guests=[302],
                              params={"cores": 2}))  # fmt: skip
        hosts = list(there.simulator.hosts)
        asked = [hosts[1], hosts[2]]
        reports = there.run_all(
            {
                "clone": there.run("clone", source=9000, name="web1", vmid=401, api_host=asked),
                "start": there.run("operation", operation="start", guests=[301], api_host=asked),
            }
        )
        truth = there.truth()
        assert len(truth.of_type("qmclone")) == 1
        assert len(truth.of_type("qmstart")) == 1
        for name, task_type in (("clone", "qmclone"), ("start", "qmstart")):
            values = reports[name].values
            assert [guest["outcome"] for guest in values["guests"]] == ["ok"]
            assert [task["upid"] for task in values["tasks"]] == [
                task["upid"] for task in truth.of_type(task_type)
            ]


def test_a_silent_node_fails_its_own_guests_alone() -> None:
    world = default_world()
    for vmid, node in ((301, "pve1"), (302, "pve2"), (303, "pve1")):
        add_guest(world, vmid, like=100)
        world["guests"][vmid]["node"] = node
    with cluster(world) as there:
        there.fault("delay", path="/nodes/pve2/*", count=None, seconds=40)
        options = {"operation": "start", "guests": [301, 302, 303], "api_timeout": 3}
        report = asyncio.run(there.run("operation", **options))
        assert [guest["outcome"] for guest in report.values["guests"]] == ["ok", "failed", "ok"]
        assert "pve2" in report.values["guests"][1]["message"]
        seen = asyncio.run(there.run("guest_info", api_timeout=3))
        told = {guest["vmid"]: guest["message"] for guest in seen.values["guests"]}
        assert told[301] is None
        assert told[302]
