# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call by its path is sent once, whatever responds in place of the API and whenever it is killed.

Only its response shows what it did. So without one of Proxmox VE it is lost, and a task that it
started is named as one that may be its. ``test_lost_answers.py`` has the losses on the way.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    World,
    add_guest,
    cluster,
    default_world,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import (
    ModuleProcess,
    run_module,
)
from ansible_collections.upid.proxmox.tests.exactly_once.test_gateways import GATEWAYS

# task type, method, path, params; what Proxmox VE refuses a second time comes first
CALLS: Mapping[str, tuple[str, str, str, Mapping[str, Any]]] = {
    "clone": ("qmclone", "POST", "/nodes/pve1/qemu/9000/clone", {"newid": 401, "full": 1}),
    "snapshot": ("qmsnapshot", "POST", "/nodes/pve1/qemu/301/snapshot", {"snapname": "new"}),
    "delete": ("qmdestroy", "DELETE", "/nodes/pve1/qemu/302", {}),
    "backup": ("vzdump", "POST", "/nodes/pve1/vzdump", {"vmid": 303, "storage": "local"}),
    "pool": ("", "POST", "/pools", {"poolid": "new"}),
}
REFUSED = ("clone", "snapshot", "pool")


def world() -> World:
    world = default_world()
    for vmid in (301, 302, 303):
        add_guest(world, vmid, like=100)
    return world


def options(name: str) -> dict[str, Any]:
    _type, method, path, params = CALLS[name]
    return {"method": method, "path": path, "params": params, "allow_destructive": True}


def received(there: Cluster, name: str) -> int:
    """How many of these calls have reached the cluster."""
    template = re.sub(r"/\d+", "/{vmid}", CALLS[name][2]).replace("pve1", "{node}")
    count: int = there.admin("GET", "requests")["counts"].get(f"{CALLS[name][1]} {template}", 0)
    return count


def begun(there: Cluster, name: str) -> list[str]:
    return [task["upid"] for task in there.truth().of_type(CALLS[name][0])]


@pytest.mark.seeds(len(GATEWAYS), 4)
def test_a_call_is_lost_whatever_a_gateway_returns_and_not_sent_again(seed: int) -> None:
    gateway = list(GATEWAYS)[(seed * 5) % len(GATEWAYS)]
    with cluster(world()) as there:
        for _type, method, path, _params in CALLS.values():
            there.fault(**{"when": "after", "method": method, "path": path, **GATEWAYS[gateway]})
        runs = {name: there.run("operation", api_timeout=5, **options(name)) for name in CALLS}
        for name, report in there.run_all(runs).items():
            [target] = report.values["targets"]
            assert received(there, name) == 1, (name, gateway)
            assert (target["outcome"], target["changed"]) == ("lost", True), (name, gateway, target)
            assert [upid in target["message"] for upid in begun(there, name)] in ([], [True])
            assert report.values["tasks"] == []


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.seeds(6, 1)
def test_a_killed_call_was_sent_once_and_the_next_one_reports_only_its_own_task(
    name: str, seed: int
) -> None:
    """A run does not know of the one before. Each sends its call once and takes no other's task."""
    moment = random.Random(f"{name} {seed}").uniform(0.4, 2.5)
    with cluster(world(), seed=seed, speed=5) as there:
        process = ModuleProcess(there, "operation", options(name))
        time.sleep(moment)
        process.kill()
        time.sleep(0.3)
        sent, before = received(there, name), begun(there, name)
        assert sent <= 1
        assert len(before) <= sent
        result = run_module(there, "operation", **options(name))
        now = [upid for upid in begun(there, name) if upid not in before]
        [target] = result["targets"]
        assert received(there, name) == sent + 1
        assert [task["upid"] for task in result["tasks"]] == now
        if before and name in REFUSED and not now:
            assert (target["outcome"], target["changed"]) == ("failed", False), target
        if not sent:
            assert (target["outcome"], target["changed"]) == ("ok", True), target
        truth = there.until(lambda truth: not truth.running())
        assert not [one for one in truth.guests.values() if one["lock"]]
