# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Daemons and nodes that pause for a while, in the middle of the work, without any effect."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    cluster,
    default_world,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import (
    ModuleProcess,
    run_module,
)

NODES = ("pve1", "pve2", "pve3")
NAMES = [f"vm-{number:02}" for number in range(1, 13)]
GUESTS = [{"name": name} for name in NAMES]


def blocked(there: Cluster) -> None:
    """All workers of all pvedaemons hang for 10 s."""
    for node in NODES:
        there.node(node, "pvedaemon/block")
    time.sleep(10)
    for node in NODES:
        there.node(node, "pvedaemon/up")


def restarted(there: Cluster) -> None:
    """The node's pvedaemon is down for 3 s."""
    there.node("pve1", "pvedaemon/down")
    time.sleep(3)
    there.node("pve1", "pvedaemon/up")


def silent(there: Cluster) -> None:
    """The node that runs the tasks drops all packets for 30 s."""
    there.node("pve1", "silent")
    time.sleep(30)
    there.node("pve1", "up")


@pytest.mark.parametrize("stall", [blocked, restarted, silent])
@pytest.mark.parametrize("identity", ["token", "ticket"])
def test_a_stall_in_a_bulk_run_is_not_noticed(
    stall: Callable[[Cluster], None], identity: str
) -> None:
    given: dict[str, Any] = {"api_user": "root@pam", "api_password": "Sim-pass-1"}
    if identity == "ticket":
        given |= {"api_token_id": None, "api_token_secret": None}
    with cluster(speed=15) as there:
        options = {"source": 9000, "guests": GUESTS, "full": True, "parallel": 4, **given}
        running = ModuleProcess(there, "clone", options)
        there.until(lambda truth: len(truth.named(*NAMES)) >= 2)
        stall(there)
        result = running.result()
        assert not result.get("failed"), result["msg"]
        truth = there.truth()
        assert sorted(guest["name"] for guest in truth.named(*NAMES)) == NAMES
        assert len(truth.guests) == len(NAMES) + 4
        clones = [task["upid"] for task in truth.of_type("qmclone")]
        assert sorted(task["upid"] for task in result["tasks"]) == sorted(clones)


@pytest.mark.parametrize("stall", [blocked, restarted, silent])
def test_a_stall_in_a_wait_is_not_noticed(stall: Callable[[Cluster], None]) -> None:
    world = default_world()
    world["durations"] = {"qmclone.linked": [3, 12]}
    with cluster(world, speed=1) as there:
        started = run_module(
            there, "clone", source=9000, guests=GUESTS, wait=False, parallel_per_node=16
        )
        upids = [guest["upid"] for guest in started["guests"]]
        waiting = ModuleProcess(there, "wait_task", {"upids": upids})
        time.sleep(1.5)
        stall(there)
        result = waiting.result()
        assert not result.get("failed"), result["msg"]
        assert [task["upid"] for task in result["tasks"]] == upids
        assert {task["outcome"] for task in result["tasks"]} == {"ok"}
