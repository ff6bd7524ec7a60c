# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The response to a start gets lost: every kind of loss with every kind of start.

The cluster has the result: every task that was started is reported once, and a call that was never
carried out is repeated if Proxmox VE itself would refuse a second one.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    Truth,
    World,
    add_guest,
    cluster,
    default_world,
    meanwhile,
)

# A read timeout on our side: the call is carried out after we stopped waiting for it.
TIMEOUT = 3
LATE = {"action": "delay", "seconds": TIMEOUT + 2}
LOSSES: Mapping[str, Mapping[str, Any]] = {
    "dropped before": {"action": "drop", "when": "before"},
    "dropped after": {"action": "drop", "when": "after"},
    "reset before": {"action": "reset", "when": "before"},
    "reset after": {"action": "reset", "when": "after"},
    "timeout before": {**LATE, "when": "before"},
    "timeout after": {**LATE, "when": "after"},
    "596 before": {"action": "status", "status": 596, "when": "before"},
    "596 after": {"action": "status", "status": 596, "when": "after"},
    "599 before": {"action": "status", "status": 599, "when": "before"},
    "599 after": {"action": "status", "status": 599, "when": "after"},
    "html before": {"action": "html", "when": "before"},
    "html after": {"action": "html", "when": "after"},
    "truncated": {"action": "truncate", "when": "after"},
}
SECRET = "00000000-0000-4000-8000-000000000009"
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


IDEMPOTENT = ("qmsnapshot", "qmdelsnapshot", "qmpause", "qmsuspend", "qmresume", "qmmove")


@dataclass(frozen=True)
class Start:
    """A call of a module that starts one task; ``path`` is that of the lost response."""

    module: str
    task_type: str
    method: str
    path: str
    options: Mapping[str, Any]
    makes: str | None = None

    @property
    def by_path(self) -> bool:
        """Whether it is a call by its path, of which nothing is known but its response."""
        return "path" in self.options

    @property
    def repeatable(self) -> bool:
        """Whether it is repeated if it was not carried out.

        Proxmox VE refuses a second guest, and the configuration shows whether it was changed.
        """
        return self.makes is not None or self.task_type in ("", "qmconfig", *IDEMPOTENT)

    @property
    def vmid(self) -> int:
        """The guest that it is about."""
        if self.by_path:
            return int(self.path.split("/")[4])
        guests: list[int] = self.options.get("guests") or [self.options["vmid"]]
        return guests[0]


def _operation(name: str, task_type: str, method: str, path: str, **options: Any) -> Start:
    vmid = int(path.split("/")[1])
    given = {"operation": name, "guests": [vmid], "allow_destructive": True, **options}
    return Start("operation", task_type, method, f"/nodes/pve1/{path}", given)


def _by_path(task_type: str, method: str, path: str, **params: Any) -> Start:
    full = f"/nodes/pve1/{path}"
    given = {"method": method, "path": full, "params": params, "allow_destructive": True}
    return Start("operation", task_type, method, full, given)


STARTS: Mapping[str, Start] = {
    "clone of a VM": Start(
        "clone",
        "qmclone",
        "POST",
        "/nodes/pve1/qemu/9000/clone",
        {"source": 9000, "name": "vm1", "vmid": 201},
        "vm1",
    ),
    "clone of a container": Start(
        "clone",
        "vzclone",
        "POST",
        "/nodes/pve1/lxc/9100/clone",
        {"source": 9100, "name": "ct1", "vmid": 202},
        "ct1",
    ),
    "container": Start(
        "container",
        "vzcreate",
        "POST",
        "/nodes/pve2/lxc",
        {
            "ostemplate": TEMPLATE,
            "hostname": "ct2",
            "vmid": 203,
            "target_node": "pve2",
            "storage": "ceph",
        },
        "ct2",
    ),
    "start of a VM": _operation("start", "qmstart", "POST", "qemu/301/status/start"),
    "start of a container": _operation("start", "vzstart", "POST", "lxc/311/status/start"),
    "configuration of a VM": _operation(
        "configure", "qmconfig", "POST", "qemu/302/config", params={"memory": 4096}
    ),
    "configuration of a container": _operation(
        "configure", "", "PUT", "lxc/312/config", params={"memory": 1024}
    ),
    "removal of a VM": _operation("delete", "qmdestroy", "DELETE", "qemu/303"),
    "removal of a container": _operation("delete", "vzdestroy", "DELETE", "lxc/313"),
    "template of a VM": _operation("template", "qmtemplate", "POST", "qemu/304/template"),
    "template of a container": _operation("template", "vztemplate", "POST", "lxc/314/template"),
    "snapshot": _operation(
        "snapshot", "qmsnapshot", "POST", "qemu/305/snapshot", params={"snapname": "new"}
    ),
    "removal of a snapshot": _operation(
        "delete_snapshot",
        "qmdelsnapshot",
        "DELETE",
        "qemu/306/snapshot/old",
        params={"snapname": "old"},
    ),
    "rollback": _operation(
        "rollback",
        "qmrollback",
        "POST",
        "qemu/307/snapshot/old/rollback",
        params={"snapname": "old"},
    ),
    "pause": _operation("suspend", "qmpause", "POST", "qemu/308/status/suspend"),
    "hibernation": _operation("hibernate", "qmsuspend", "POST", "qemu/309/status/suspend"),
    "move of a disk": _operation(
        "move_disk",
        "qmmove",
        "POST",
        "qemu/321/move_disk",
        params={"disk": "scsi0", "storage": "local-lvm", "delete": 1},
    ),
    "detachment of a disk": _operation(
        "detach_disk", "qmconfig", "POST", "qemu/322/config", params={"disk": "scsi0"}
    ),
    "backup": Start(
        "operation",
        "vzdump",
        "POST",
        "/nodes/pve1/vzdump",
        {"operation": "backup", "guests": [323], "params": {"storage": "local"}},
    ),
    "creation of a VM": Start(
        "operation",
        "qmcreate",
        "POST",
        "/nodes/pve3/qemu",
        {
            "operation": "create_vm",
            "guests": [204],
            "params": {"node": "pve3", "name": "vm4", "memory": 512, "scsi0": "ceph:1"},
        },
        "vm4",
    ),
    "start by its path": _by_path("qmstart", "POST", "qemu/331/status/start"),
    "snapshot by its path": _by_path("qmsnapshot", "POST", "qemu/332/snapshot", snapname="new"),
    "removal by its path": _by_path("qmdestroy", "DELETE", "qemu/333"),
    "change by its path": _by_path("", "PUT", "lxc/334/config", memory=1024),
}


def world() -> World:
    """The default world and a guest for each operation."""
    world = default_world()
    for vmid in range(301, 305):
        add_guest(world, vmid, like=100)
        add_guest(world, vmid + 10, like=9100)
    for vmid in (*range(305, 310), 321, 322, 323, 331, 332, 333):
        add_guest(world, vmid, like=100)
    add_guest(world, 334, like=9100)
    for vmid in (306, 307):
        world["guests"][vmid]["snapshots"] = {"old": {"ago": 3600}}
        world["guests"][vmid]["config"]["parent"] = "old"
    for vmid in (308, 309):
        world["guests"][vmid] |= {"status": "running", "up": 3600}
    return world


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_response_is_recovered(loss: str) -> None:
    again = LOSSES[loss]["when"] == "before" and LOSSES[loss]["action"] != "delay"
    with cluster(world()) as there:
        _lose(there, loss)
        _start_all(there, again=again)


@pytest.mark.parametrize("loss", ["dropped before", "timeout before", "596 after"])
def test_a_caller_that_cannot_see_its_own_running_tasks_starts_nothing_twice(loss: str) -> None:
    """A token without Sys.Audit sees its tasks only after they have ended."""
    again = loss == "dropped before"
    slow = world()
    slow["durations"] = {"qmclone.linked": [6, 6], "vzclone.linked": [6, 6], "vzcreate": [6, 6]}
    slow["users"]["blind@pve"] = {"tokens": {"ci": {"secret": SECRET, "privsep": False}}}
    slow["roles"]["Blind"] = [
        privilege for privilege in slow["roles"]["AnsibleTasks"] if privilege != "Sys.Audit"
    ]
    slow["acl"].append({"path": "/", "authid": "blind@pve", "role": "Blind"})
    with cluster(slow, speed=1) as there:
        _lose(there, loss)
        token = {"api_token_id": "blind@pve!ci", "api_token_secret": SECRET}
        _start_all(there, again=again, **token)


def test_a_start_that_is_carried_out_when_the_daemon_wakes_is_not_repeated() -> None:
    """All workers of pvedaemon hang, and calls wait in its queue for 20 s."""
    with cluster(world()) as there:
        for node in ("pve1", "pve2"):
            there.node(node, "pvedaemon/block")

        def wake() -> None:
            time.sleep(20)
            for node in ("pve1", "pve2"):
                there.node(node, "pvedaemon/up")

        with meanwhile(wake):
            _start_all(there, again=False)


def _lose(there: Cluster, loss: str) -> None:
    for start in STARTS.values():
        there.fault(**{"method": start.method, "path": start.path, **LOSSES[loss]})


def _start_all(there: Cluster, *, again: bool, **identity: Any) -> None:
    """Make all starts at the same time, then read the result from the cluster."""
    calls = {
        name: there.run(start.module, api_timeout=TIMEOUT, **identity, **start.options)
        for name, start in STARTS.items()
    }
    reports = there.run_all(calls)
    truth = there.truth()
    for name, start in STARTS.items():
        if start.by_path:
            _check_by_path(start, reports[name].values, truth)
        else:
            _check(start, reports[name].values, truth, again=again)
    _check_sent(there, reports)


def _check(start: Start, values: Mapping[str, Any], truth: Truth, *, again: bool) -> None:
    """The report has every task once, and matches the state of the guest."""
    (guest,) = values["guests"]
    begun = [task["upid"] for task in _tasks_of(start, truth)]
    assert [task["upid"] for task in values["tasks"]] == begun
    assert len(begun) <= 1
    if begun or start.repeatable:
        assert guest["outcome"] == "ok", guest
        assert guest["changed"]
    else:
        assert guest["outcome"] == "lost", guest
        assert "check the guest" in guest["message"]
    if start.makes:
        assert len(begun) == 1
        assert guest["attempts"] == (2 if again else 1)
        assert [one["vmid"] for one in truth.named(start.makes)] == [start.vmid]
        assert truth.guests[start.vmid]["lock"] is None


def _check_by_path(start: Start, values: Mapping[str, Any], truth: Truth) -> None:
    """Without a response it is lost, whatever came of it, and the message names its task."""
    (target,) = values["targets"]
    assert (target["outcome"], target["changed"], target["attempts"]) == ("lost", True, 1), target
    assert "it is not sent again" in target["message"]
    begun = [task["upid"] for task in _tasks_of(start, truth)]
    assert len(begun) <= 1
    assert not [upid for upid in begun if upid not in target["message"]]
    assert values["tasks"] == []


def _check_sent(there: Cluster, reports: Mapping[str, Report]) -> None:
    """The cluster has received each call as often as the reports say, and none more often."""
    attempts: Counter[str] = Counter()
    for name, start in STARTS.items():
        values = reports[name].values
        (one,) = values["targets" if start.by_path else "guests"]
        attempts[_template(start)] += one["attempts"]
    counts = there.admin("GET", "requests")["counts"]
    assert {label: counts.get(label, 0) for label in attempts} == dict(attempts)


def _template(start: Start) -> str:
    path = re.sub(r"^/nodes/[^/]+", "/nodes/{node}", start.path)
    path = re.sub(r"/\d+", "/{vmid}", path).replace("/snapshot/old", "/snapshot/{snapname}")
    return f"{start.method} {path}"


def _tasks_of(start: Start, truth: Truth) -> list[Mapping[str, Any]]:
    return [
        task
        for task in truth.of_type(start.task_type)
        if str(start.vmid) in (task["id"], str(task["target"]))
    ]
