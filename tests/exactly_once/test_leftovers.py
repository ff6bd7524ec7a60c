# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leftovers of killed workers: recognised, explained, and removed if that is allowed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    TICKET,
    Cluster,
    add_guest,
    cluster,
    default_world,
)

DEAD = "unexpected status"
OTHER_TOKEN = {
    "api_token_id": "ansible@pve!ci",
    "api_token_secret": "00000000-0000-4000-8000-000000000002",
}


def clone(there: Cluster, **options: Any) -> Report:
    return asyncio.run(there.run("clone", **options))


def kill_clone(there: Cluster, source: int, vmid: int, **identity: Any) -> str:
    """The UPID of a clone whose worker was killed in the middle of its work."""
    task_type = "vzclone" if source == 9100 else "qmclone"
    there.fault("task", type=task_type, vmid=vmid, exitstatus=DEAD)
    report = clone(there, source=source, name="left", vmid=vmid, **identity)
    (guest,) = report.values["guests"]
    assert guest["outcome"] == "failed"
    assert there.truth().guests[vmid]["lock"] in ("clone", "create")
    return str(guest["upid"])


def test_a_leftover_is_replaced_by_a_ticket_of_root() -> None:
    with cluster() as there:
        dead = kill_clone(there, 9000, 301, **TICKET)
        wanted = {"source": 9000, "name": "web1", "vmid": 301}
        report = clone(there, **wanted, **TICKET)
        assert report.problem is not None
        assert dead in report.problem
        assert "qm unlock 301 && qm destroy 301" in report.problem
        assert not there.truth().of_type("qmdestroy")
        report = clone(there, **wanted, replace_leftovers=True, **TICKET)
        assert report.problem is None
        truth = there.truth()
        assert (truth.guests[301]["name"], truth.guests[301]["lock"]) == ("web1", None)
        assert [task["type"] for task in report.values["tasks"]] == ["qmdestroy", "qmclone"]
        # The dead clone left nothing, or it would have the name of the first disk.
        assert "vm-301-disk-0" in truth.guests[301]["config"]["scsi0"]
        begun = [task["upid"] for task in truth.tasks if task["upid"] != dead]
        assert [task["upid"] for task in report.values["tasks"]] == begun


def test_a_token_gets_the_commands() -> None:
    with cluster() as there:
        dead = kill_clone(there, 9000, 301)
        report = clone(there, source=9000, name="web1", vmid=301, replace_leftovers=True)
        assert report.problem is not None
        assert dead in report.problem
        assert "qm unlock 301 && qm destroy 301" in report.problem
        assert "Only root may use this option" in report.problem
        assert there.truth().guests[301]["lock"] == "clone"


def test_a_leftover_of_another_user_is_left_alone() -> None:
    with cluster() as there:
        kill_clone(there, 9000, 301, **OTHER_TOKEN)
        report = clone(there, source=9000, name="web1", vmid=301, replace_leftovers=True, **TICKET)
        assert report.problem is not None
        assert "no task of yours" in report.problem
        assert not there.truth().of_type("qmdestroy")


@pytest.mark.parametrize("source", [100, 102])
def test_a_guest_that_another_user_creates_in_place_of_a_leftover_is_left_alone(
    source: int,
) -> None:
    """Another user cloned another source, on another node, to the VMID of our dead clone."""
    world = default_world()
    world["durations"] = {"qmclone": [8, 8]}
    add_guest(world, 102, like=100)
    world["guests"][102]["node"] = "pve2"
    with cluster(world, speed=1) as there:
        kill_clone(there, 9000, 301, **TICKET)
        remove(there, 301)
        theirs = clone(
            there, source=source, name="theirs", vmid=301, wait=False, full=True, **OTHER_TOKEN
        )
        assert theirs.problem is None
        report = clone(there, source=9000, name="web1", vmid=301, replace_leftovers=True, **TICKET)
        assert report.problem is not None
        truth = there.until(lambda truth: not truth.running())
        assert (truth.guests[301]["name"], truth.guests[301]["lock"]) == ("theirs", None)
        assert len(truth.of_type("qmdestroy")) == 1, "only the one of the test itself"


def remove(there: Cluster, vmid: int) -> None:
    """Remove a leftover as an administrator would."""

    async def call() -> None:
        async with there.client(**TICKET) as api:
            await api.delete(("nodes", "pve1", "qemu", vmid), {"skiplock": 1})

    asyncio.run(call())
    there.until(lambda truth: vmid not in truth.guests)


def test_the_lock_on_a_container_s_source_is_reported_with_its_command() -> None:
    with cluster() as there:
        dead = kill_clone(there, 9100, 301)
        assert there.truth().guests[9100]["lock"] == "disk"
        report = clone(there, source=9100, name="ct1", vmid=302)
        assert report.problem is not None
        assert "pct unlock 9100" in report.problem
        assert dead in report.problem
        assert not report.changed
        report = clone(there, source=9100, name="left", vmid=301)
        assert report.problem is not None
        assert "pct unlock 301 && pct destroy 301" in report.problem
        assert "replace_leftovers" not in report.problem
        assert len(there.truth().of_type("vzclone")) == 1


def test_the_lock_of_a_running_clone_is_waited_for() -> None:
    world = default_world()
    world["durations"] = {"vzclone.linked": [4, 4]}
    with cluster(world, speed=1) as there:
        clone(there, source=9100, name="ct1", wait=False)
        report = clone(there, source=9100, name="ct2")
        assert report.problem is None
        assert len(there.truth().named("ct1", "ct2")) == 2
