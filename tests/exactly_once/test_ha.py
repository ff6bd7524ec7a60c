# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that HA manages: an operation ends when the guest is really in the requested state."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    World,
    add_guest,
    cluster,
    default_world,
)

SECRET = "00000000-0000-4000-8000-000000000009"
STOPPED, RUNNING = (301, 311), (302, 312)


def world() -> World:
    """A stopped and a running VM and container each, all managed by HA."""
    world = default_world()
    for vmid in (*STOPPED, *RUNNING):
        add_guest(world, vmid, like=9100 if vmid > 310 else 100)
        world["guests"][vmid]["status"] = "running" if vmid in RUNNING else "stopped"
    world["ha"] = {
        f"{'ct' if vmid > 310 else 'vm'}:{vmid}": {
            "state": "started" if vmid in RUNNING else "stopped"
        }
        for vmid in (*STOPPED, *RUNNING)
    }
    world["users"]["blind@pve"] = {"tokens": {"ci": {"secret": SECRET, "privsep": False}}}
    privileges = world["roles"]["AnsibleTasks"]
    world["roles"]["Blind"] = [one for one in privileges if one != "Sys.Audit"]
    world["acl"].append({"path": "/", "authid": "blind@pve", "role": "Blind"})
    return world


def operate(there: Cluster, **identity: Any) -> dict[str, Any]:
    """Start the stopped guests and shut down the running ones; return both results."""
    reports = there.run_all(
        {
            "start": there.run("operation", operation="start", guests=[*STOPPED], **identity),
            "shutdown": there.run(
                "operation",
                operation="shutdown",
                guests=[*RUNNING],
                allow_destructive=True,
                **identity,
            ),
        }
    )
    assert not [report.problem for report in reports.values() if report.problem]
    return {name: report.values for name, report in reports.items()}


def check_states(there: Cluster) -> None:
    guests = there.truth().guests
    assert [guests[vmid]["status"] for vmid in (*STOPPED, *RUNNING)] == [
        "running", "running", "stopped", "stopped",
    ]  # fmt: skip


def test_it_ends_when_the_guest_is_in_the_requested_state() -> None:
    with cluster(world()) as there:
        values = operate(there)
        check_states(there)
        types = {task["type"] for one in values.values() for task in one["tasks"]}
        assert types == {"hastart", "qmstart", "vzstart", "hastop", "qmshutdown", "vzshutdown"}
        told = [task["upid"] for one in values.values() for task in one["tasks"]]
        assert sorted(told) == sorted(task["upid"] for task in there.truth().tasks)


def test_who_cannot_see_the_tasks_of_ha_sees_the_state() -> None:
    with cluster(world()) as there:
        token = {"api_token_id": "blind@pve!ci", "api_token_secret": SECRET}
        values = operate(there, **token)
        check_states(there)
        types = {task["type"] for one in values.values() for task in one["tasks"]}
        assert types == {"hastart", "hastop"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_request_whose_answer_got_lost_is_found(when: str) -> None:
    with cluster(world()) as there:
        there.fault("drop", when=when, method="POST", path="/nodes/pve1/qemu/301/status/start")
        reports = there.run_all({"start": there.run("operation", operation="start", guests=[301])})
        (guest,) = reports["start"].values["guests"]
        truth = there.truth()
        assert guest["outcome"] == "ok"
        assert guest["attempts"] == (2 if when == "before" else 1)
        assert truth.guests[301]["status"] == "running"
        assert len(truth.of_type("hastart")) == 1


def test_a_start_that_ha_cannot_do_fails_with_its_task() -> None:
    with cluster(world()) as there:
        there.fault("task", type="qmstart", exitstatus="start failed: no memory", count=None)
        reports = there.run_all({"start": there.run("operation", operation="start", guests=[301])})
        (guest,) = reports["start"].values["guests"]
        assert guest["outcome"] == "failed"
        assert "no memory" in guest["message"]
        assert there.truth().guests[301]["status"] == "stopped"


def test_a_migration_ends_when_the_guest_has_arrived() -> None:
    with cluster(world()) as there:
        move = there.run("operation", operation="migrate", guests=[301], params={"target": "pve2"})
        report = there.run_all({"move": move})["move"]
        assert report.problem is None
        (guest,) = report.values["guests"]
        assert (guest["outcome"], guest["node"]) == ("ok", "pve2")
        assert [task["type"] for task in report.values["tasks"]] == ["hamigrate", "qmigrate"]
        assert there.truth().guests[301]["node"] == "pve2"
