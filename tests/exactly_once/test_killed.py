# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play is killed at any moment and run again: guests are kept, running tasks adopted."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import Cluster, Truth, cluster
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import (
    ModuleProcess,
    run_module,
)

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
VMS = [f"vm-{number:02}" for number in range(1, 21)]
CONTAINERS = [f"ct-{number:02}" for number in range(1, 11)]
# A module needs about a second until its first start, and more for all guests.
FIRST, LAST = 0.5, 4.5
Results = Mapping[str, Mapping[str, Any]]


def begin(there: Cluster, *, vmids: bool) -> dict[str, ModuleProcess]:
    """The same play each time: 20 clones and 10 containers."""
    vms: list[dict[str, Any]] = [{"name": name} for name in VMS]
    containers: list[dict[str, Any]] = [{"hostname": name} for name in CONTAINERS]
    if vmids:
        for vmid, guest in enumerate(vms + containers, start=501):
            guest["vmid"] = vmid
    clones = {"source": 9000, "guests": vms, "full": True, "placement": "round_robin"}
    creates = {"ostemplate": TEMPLATE, "guests": containers, "placement": "round_robin"}
    return {
        "clone": ModuleProcess(there, "clone", clones),
        "container": ModuleProcess(there, "container", {**creates, "storage": "ceph"}),
    }


@pytest.mark.parametrize("vmids", [True, False], ids=["vmids", "names"])
@pytest.mark.seeds(25, 3)
def test_a_killed_play_is_finished_by_the_same_play(seed: int, vmids: bool) -> None:
    moment = random.Random(seed * 2 + vmids).uniform(FIRST, LAST)
    with cluster(seed=seed) as there:
        plays = begin(there, vmids=vmids)
        time.sleep(moment)
        for one in plays.values():
            one.kill()
        before = there.truth()
        results = {name: one.result() for name, one in begin(there, vmids=vmids).items()}
        check(results, before, there.truth())


def check(results: Results, before: Truth, after: Truth) -> None:
    """Exactly the requested guests, each created once, and each with its outcome in the report."""
    assert not [result["msg"] for result in results.values() if result.get("failed")]
    wanted = [*VMS, *CONTAINERS]
    made = after.named(*wanted)
    assert sorted(guest["name"] for guest in made) == sorted(wanted)
    assert not [guest for guest in after.guests.values() if guest["lock"]]
    assert len(after.guests) == len(wanted) + 4
    reported = [guest for result in results.values() for guest in result["guests"]]
    assert {guest["vmid"]: guest["name"] for guest in reported} == {
        guest["vmid"]: guest["name"] for guest in made
    }
    for guest in reported:
        _check_guest(guest, before, after)
    told = [task["upid"] for result in results.values() for task in result["tasks"]]
    assert len(told) == len(set(told))
    # A guest whose task ended between the two plays is unchanged.
    ended = {task["upid"] for guest in reported if not guest["changed"]
             for task in _makers(after, guest["vmid"])}  # fmt: skip
    begun_again = {task["upid"] for task in after.tasks} - {task["upid"] for task in before.tasks}
    running = {task["upid"] for task in before.running()}
    assert begun_again | (running - ended) <= set(told), "a task is not accounted for"


def _check_guest(guest: Mapping[str, Any], before: Truth, after: Truth) -> None:
    """Compares the report of a guest with the state of the cluster when the play was killed."""
    tasks = _makers(after, guest["vmid"])
    assert len(tasks) == 1, f"{guest} was created {len(tasks)} times"
    was = next(iter(_makers(before, guest["vmid"])), None)
    if was is None:
        assert (guest["outcome"], guest["changed"]) == ("ok", True)
        assert guest["attempts"] >= 1  # more where the other module had taken the VMID
    elif was["status"] == "stopped":
        assert (guest["outcome"], guest["changed"]) == ("unchanged", False), guest
    else:  # it may have ended before the second play read it
        assert guest["outcome"] in ("ok", "unchanged"), guest
        assert guest["attempts"] == 0
        assert guest["changed"] == (guest["outcome"] == "ok")
    if guest["changed"]:
        assert guest["upid"] == tasks[0]["upid"]


def _makers(truth: Truth, vmid: int) -> list[Mapping[str, Any]]:
    """The tasks that created or are creating this guest; others that used its VMID failed."""
    return [
        task
        for task in truth.of_type("qmclone", "vzcreate")
        if str(vmid) == (str(task["target"]) if task["type"] == "qmclone" else task["id"])
        and task["exitstatus"] in (None, "OK")
    ]


@pytest.mark.seeds(5, 1)
def test_a_killed_wait_is_finished_by_the_same_wait(seed: int) -> None:
    with cluster(seed=seed, speed=10) as there:
        guests = [{"name": name} for name in VMS[:6]]
        started = run_module(there, "clone", source=9000, guests=guests, full=True, wait=False)
        upids = [guest["upid"] for guest in started["guests"]]
        waiting = ModuleProcess(there, "wait_task", {"upids": upids})
        time.sleep(random.Random(seed).uniform(0.5, 2.5))
        waiting.kill()
        result = run_module(there, "wait_task", upids=upids)
        assert [task["upid"] for task in result["tasks"]] == upids
        assert {task["outcome"] for task in result["tasks"]} == {"ok"}
        assert sorted(guest["name"] for guest in there.truth().named(*VMS)) == VMS[:6]
