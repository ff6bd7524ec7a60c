# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A gateway responds in place of the API, after the call was carried out.

The cluster has the result: every task once, every task reported, and nothing reported as failed
that was done.
"""

from __future__ import annotations

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

GATEWAYS: Mapping[str, Mapping[str, Any]] = {
    **{
        f"{status} page": {"action": "html", "status": status}
        for status in (200, 201, 302, 401, 403, 404, 408, 413, 499, 500, 502, 503, 504)
    },
    **{
        f"{status} bare": {"action": "status", "status": status, "reason": "Gateway"}
        for status in (401, 403, 404, 408, 413, 500, 502, 503, 504)
    },
    "595": {"action": "status", "status": 595, "reason": "Connection refused"},
    "no worker": {
        "action": "status",
        "status": 500,
        "message": "got no worker upid - start worker failed",
    },
}
# name of the call: module, options, type of its task, method and path
CALLS: Mapping[str, tuple[str, Mapping[str, Any], str, str, str]] = {
    "clone": (
        "clone",
        {"source": 9000, "name": "web1", "vmid": 401},
        "qmclone",
        "POST",
        "/nodes/pve1/qemu/9000/clone",
    ),
    "clone by name": (
        "clone",
        {"source": 9000, "name": "web2"},
        "qmclone",
        "POST",
        "/nodes/pve1/qemu/9000/clone",
    ),
    "start": (
        "operation",
        {"operation": "start", "guests": [301]},
        "qmstart",
        "POST",
        "/nodes/pve1/qemu/301/status/start",
    ),
    "configure": (
        "operation",
        {"operation": "configure", "guests": [302], "params": {"cores": 7}},
        "qmconfig",
        "POST",
        "/nodes/pve1/qemu/302/config",
    ),
    "delete": (
        "operation",
        {"operation": "delete", "guests": [303], "allow_destructive": True},
        "qmdestroy",
        "DELETE",
        "/nodes/pve1/qemu/303",
    ),
}


def world() -> World:
    world = default_world()
    for vmid in (301, 302, 303):
        add_guest(world, vmid, like=100)
    return world


def check(there: Cluster, name: str, gateway: str) -> None:
    module, options, task_type, method, path = CALLS[name]
    before = {task["upid"] for task in there.truth().tasks}
    there.fault(**{"when": "after", "method": method, "path": path, **GATEWAYS[gateway]})
    report = there.run_all({"one": there.run(module, api_timeout=5, **options)})["one"]
    begun = [one["upid"] for one in there.truth().of_type(task_type) if one["upid"] not in before]
    assert len(begun) == 1, (name, gateway, begun)
    (guest,) = report.values["guests"]
    assert (guest["outcome"], guest["changed"]) == ("ok", True), (name, gateway, guest)
    assert [task["upid"] for task in report.values["tasks"]] == begun, (name, gateway)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.seeds(len(GATEWAYS), 3)
def test_a_call_that_was_carried_out_is_found_whatever_a_gateway_returns(
    name: str, seed: int
) -> None:
    gateway = list(GATEWAYS)[(seed * 7) % len(GATEWAYS)]
    with cluster(world()) as there:
        check(there, name, gateway)
