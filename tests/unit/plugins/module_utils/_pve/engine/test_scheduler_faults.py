# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster without quorum, what dead tasks leave behind, sources that others work on."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.clone import (
    CloneSource,
    clone_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.fake_server import LEFT_LOCKED
from ansible_collections.upid.proxmox.tests.unit.scheduled import CLONE, Run, clone, power
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

NO_QUORUM = "cluster not ready - no quorum?\n"
NOTHING_LEFT = "unable to open file '/etc/pve/nodes/pve1/qemu-server/201.conf.tmp.3' - No such file"


def container_clone(run: Run, vmid: int = 201) -> Job:
    """The clone of a container that is there."""
    if 9100 not in run.api.cluster.guests:
        run.api.cluster.add(9100, "lxc", hostname="tpl")
    guest = Guest(9100, "lxc", "pve1", "tpl", "stopped")
    target = Guest(vmid, "lxc", "pve1", f"web{vmid}")
    return clone_job(CloneSource(guest, ("ceph",)), target, {}, 7200, movable=False)


# No quorum.


@pytest.mark.parametrize("seconds", [15, 60, 300])
@pytest.mark.parametrize("movable", [True, False])
@in_virtual_time
async def test_calls_that_are_refused_without_quorum_are_repeated_when_it_is_back(
    seconds: int, movable: bool
) -> None:
    run = Run(retries=0)
    run.api.disturb(CLONE, ApiError("POST", 500, NO_QUORUM), count=None)
    asyncio.get_running_loop().call_later(seconds, run.api.disturbances.clear)
    results = await run(*(clone(vmid, movable=movable) for vmid in range(201, 211)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len(run.api.cluster.tasks) == 10
    assert now() < seconds + 15


@in_virtual_time
async def test_a_quorum_that_does_not_return_is_given_up_and_reported() -> None:
    run = Run(node_timeout=90)
    run.api.disturb(CLONE, ApiError("POST", 500, NO_QUORUM), count=None)
    result = await run.one(clone())
    assert (result.outcome, result.changed) == (Outcome.FAILED, False)
    assert "no quorum" in (result.message or "")
    assert 90 <= now() < 100


@in_virtual_time
async def test_a_task_that_died_of_it_before_it_created_anything_is_started_again() -> None:
    run = Run(retries=0)
    run.api.ends["qmclone"] = [NOTHING_LEFT] * 2
    result = await run.one(clone())
    assert (result.outcome, len(result.tasks)) == (Outcome.OK, 3)
    assert run.api.cluster.guests[201].name == "web201"


@in_virtual_time
async def test_a_start_that_died_of_it_is_retried() -> None:
    run = Run(retries=0)
    run.api.ends["qmstart"] = [NO_QUORUM.strip()]
    assert (await run.one(power(run, 300))).outcome is Outcome.OK


@in_virtual_time
async def test_what_it_left_locked_is_named_and_another_vmid_is_taken() -> None:
    run = Run(retries=0)
    run.api.ends["qmclone"] = [LEFT_LOCKED] * 2
    results = await run(*(clone(vmid, movable=True) for vmid in range(201, 211)))
    assert {result.outcome for result in results} == {Outcome.OK}
    names = Counter(guest.name for guest in run.api.cluster.guests.values())
    assert all(names[f"web{vmid}"] == 1 for vmid in range(201, 211))
    told = [result.message for result in results if result.message]
    assert len(told) == 2
    locked = [guest for guest in run.api.cluster.guests.values() if "lock" in guest.config]
    for guest in locked:
        assert any(f"qm unlock {guest.vmid} && qm destroy {guest.vmid}" in text for text in told)


@in_virtual_time
async def test_what_it_left_locked_is_the_failure_of_a_vmid_that_the_user_chose() -> None:
    run = Run()
    run.api.ends["qmclone"] = [LEFT_LOCKED]
    result = await run.one(clone())
    assert (result.outcome, result.attempts, result.changed) == (Outcome.FAILED, 1, True)
    assert "qm unlock 201 && qm destroy 201" in (result.message or "")
    assert "Permission denied" in (result.message or "")


@in_virtual_time
async def test_what_it_left_locked_is_replaced_where_that_is_allowed() -> None:
    run = Run(replace_leftovers=True)
    run.api.authid = "root@pam"
    run.api.ends["qmclone"] = [LEFT_LOCKED]
    result = await run.one(clone())
    assert result.outcome is Outcome.OK
    assert [task.upid.type for task in result.tasks] == ["qmclone", "qmdestroy", "qmclone"]
    assert run.api.cluster.guests[201].name == "web201"


@in_virtual_time
async def test_a_removal_never_waits_for_the_lanes_of_the_jobs_that_need_it() -> None:
    run = Run({"all": 2, "node pve1": 2}, replace_leftovers=True)
    run.api.authid = "root@pam"
    run.api.ends["qmclone"] = [LEFT_LOCKED] * 2
    results = await run(clone(201), clone(202), clone(203))
    assert {result.outcome for result in results} == {Outcome.OK}


@in_virtual_time
async def test_a_removal_that_fails_without_quorum_too_is_tried_again() -> None:
    run = Run(replace_leftovers=True)
    run.api.authid = "root@pam"
    run.api.ends["qmclone"] = [LEFT_LOCKED]
    run.api.ends["qmdestroy"] = [NOTHING_LEFT] * 3
    result = await run.one(clone())
    assert result.outcome is Outcome.OK
    assert [task.upid.type for task in result.tasks].count("qmdestroy") == 4
    assert run.api.cluster.guests[201].name == "web201"


@in_virtual_time
async def test_volumes_that_cannot_be_replaced_are_named() -> None:
    run = Run(replace_leftovers=True)
    run.api.ends["qmclone"] = [LEFT_LOCKED]
    result = await run.one(clone())
    assert result.outcome is Outcome.FAILED
    assert "qm unlock 201" in (result.message or "")
    assert len(run.api.made(CLONE)) == 1


@in_virtual_time
async def test_no_command_unlocks_a_guest_that_another_task_creates_by_now() -> None:
    run = Run()
    run.api.ends["qmclone"] = [LEFT_LOCKED]
    line = "creating a clone of VM 777 with ID 201"
    run.api.cluster.start("pve1", "qmclone", 777, user="bob@pve", log=[line])
    result = await run.one(clone())
    assert "unlock" not in (result.message or "")


@in_virtual_time
async def test_a_failed_delete_may_have_destroyed_the_disks() -> None:
    run = Run()
    run.api.ends["qmdestroy"] = [LEFT_LOCKED.replace("clone failed: ", "")]
    result = await run.one(power(run, 300, "delete"))
    assert (result.outcome, result.changed) == (Outcome.FAILED, True)
    assert "disks may be lost" in (result.message or "")


# What failed tasks changed.


@pytest.mark.parametrize("operation", ["start", "shutdown", "delete", "configure", "migrate"])
@in_virtual_time
async def test_a_refused_operation_changed_nothing(operation: str) -> None:
    run = Run()
    job = replace(power(run, 300, operation), params={"target": "pve2", "cores": 2})
    run.api.ends[job.task_type] = ["VM is locked (backup)"]
    result = await run.one(job)
    assert (result.outcome, result.changed) == (Outcome.FAILED, False)


@in_virtual_time
async def test_a_guest_that_proxmox_ve_removed_again_is_no_change() -> None:
    run = Run()
    run.api.ends["qmclone"] = ["clone failed: no space left"]
    result = await run.one(clone())
    assert (result.outcome, result.changed) == (Outcome.FAILED, False)


# Sources that somebody else works on.


@in_virtual_time
async def test_a_container_that_another_user_clones_is_waited_for() -> None:
    run = Run(retries=0)
    run.api.seconds["vzclone"] = 120
    job = container_clone(run)
    other = await run.api.post(
        ("nodes", "pve1", "lxc", 9100, "clone"), {"newid": 555, "hostname": "theirs"}
    )
    result = await run.one(job)
    assert (result.outcome, result.attempts > 1) == (Outcome.OK, True)
    assert str(other.data) not in [str(task.upid) for task in result.tasks]


@in_virtual_time
async def test_the_lock_of_a_dead_clone_is_explained_at_once() -> None:
    run = Run()
    job = container_clone(run)
    run.api.cluster.guests[9100].config["lock"] = "disk"
    run.api.cluster.start("pve1", "vzclone", 9100, 5, started=-60, exitstatus="unexpected status")
    result = await run.one(job)
    assert result.outcome is Outcome.FAILED
    assert "pct unlock 9100" in (result.message or "")
    assert now() < 5


@in_virtual_time
async def test_a_running_vm_that_another_user_clones_is_waited_for() -> None:
    run = Run(retries=0)
    other = run.api.cluster.start("pve1", "qmclone", 9000, 120, user="bob@pve")
    lock = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"
    run.api.disturb(CLONE, ApiError("POST", 500, lock), count=None)
    asyncio.get_running_loop().call_later(120, run.api.disturbances.clear)
    result = await run.one(clone())
    assert result.outcome is Outcome.OK
    assert not other.running


# Mistakes of this program.


@in_virtual_time
async def test_a_job_that_dies_takes_no_other_with_it_and_keeps_its_task() -> None:
    run = Run()

    async def dies(_api: object) -> None:
        raise ZeroDivisionError("for the test")

    jobs = [clone(201), replace(clone(202), recheck=dies), clone(203)]
    results = await run(*jobs)
    assert [result.outcome for result in results] == [Outcome.OK, Outcome.FAILED, Outcome.OK]
    assert "ZeroDivisionError: for the test" in (results[1].message or "")


@in_virtual_time
async def test_a_job_that_dies_after_its_call_is_lost_and_keeps_its_task() -> None:
    run = Run()
    run.api.ends["qmclone"] = ["clone failed: no space left"]
    run.api.disturb("GET .*/201/config", ZeroDivisionError("for the test"), count=None)
    [result] = await run(clone(201))
    assert result.outcome is Outcome.LOST
    assert len(result.tasks) == 1
