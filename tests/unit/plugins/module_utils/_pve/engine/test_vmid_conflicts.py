# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A VMID that somebody else takes, or has got already."""

from __future__ import annotations

import asyncio

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.scheduled import CLONE, TAKEN, Run, clone, power
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize("how", ["refused", "in the task"])
@in_virtual_time
async def test_a_vmid_that_was_taken_is_replaced_if_the_choice_was_ours(how: str) -> None:
    run = Run(retries=0)
    if how == "refused":
        run.api.cluster.add(201, name="theirs")
    else:
        run.api.ends["qmclone"] = [TAKEN]
    result = await run.one(clone(movable=True))
    assert result.outcome is Outcome.OK
    assert result.job.target.vmid != 201
    assert run.api.cluster.guests[result.job.target.vmid].name == "web201"


@pytest.mark.parametrize("how", ["refused", "in the task"])
@in_virtual_time
async def test_a_vmid_that_the_user_chose_is_never_replaced(how: str) -> None:
    run = Run()
    run.api.cluster.add(201, name="theirs")
    if how == "in the task":
        task = run.api.cluster.start("pve1", "qmclone", 9000, 5, exitstatus=TAKEN)
        run.api.disturb(CLONE, Answer(str(task.upid)))
    result = await run.one(clone())
    assert (result.outcome, result.attempts, result.changed) == (Outcome.FAILED, 1, False)
    assert run.api.cluster.guests[201].name == "theirs"


@pytest.mark.parametrize("how", ["refused", "in the task"])
@in_virtual_time
async def test_an_existing_file_says_nothing_about_the_vmid_of_a_job_that_creates_nothing(
    how: str,
) -> None:
    run = Run()
    job = power(run, 101)
    if how == "refused":
        run.api.disturb("POST .*start", ApiError("POST start", 500, TAKEN))
    else:
        run.api.ends["qmstart"] = ["start failed: RTNETLINK answers: File exists"]
    result = await run.one(job)
    assert (result.outcome, result.changed) == (Outcome.FAILED, False)
    assert "File exists" in str(result.message or result.tasks[-1].exitstatus)


@pytest.mark.parametrize("movable", [True, False])
@in_virtual_time
async def test_what_an_earlier_run_has_begun_is_adopted_and_not_created_twice(
    movable: bool,
) -> None:
    """Its call waited in a blocked daemon, and was carried out after this run had looked."""
    run = Run()
    run.api.seconds["qmclone"] = 60
    path = ("nodes", "pve1", "qemu", 9000, "clone")
    await run.api.post(path, {"newid": 201, "name": "web201"})
    result = await run.one(clone(movable=movable))
    assert (result.outcome, result.job.target.vmid, result.found) == (Outcome.OK, 201, True)
    assert len(run.api.cluster.tasks) == 1


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "being created"])
@in_virtual_time
async def test_a_vmid_that_another_name_has_is_left_alone(whole: bool) -> None:
    run = Run()
    run.api.seconds["qmclone"] = 60
    path = ("nodes", "pve1", "qemu", 9000, "clone")
    await run.api.post(path, {"newid": 201, "name": "theirs"})
    if whole:
        await asyncio.sleep(100)
    result = await run.one(clone(movable=True))
    assert result.outcome is Outcome.OK
    assert result.job.target.vmid != 201
    names = [guest.name for guest in run.api.cluster.guests.values()]
    assert sorted(map(str, names)) == ["theirs", "tpl", "web201"]


@in_virtual_time
async def test_a_guest_with_the_requested_name_that_is_complete_by_now_is_no_failure() -> None:
    run = Run()
    run.api.cluster.add(201, name="web201")
    result = await run.one(clone(movable=True))
    assert (result.outcome, result.changed) == (Outcome.UNCHANGED, False)
    assert result.job.target.vmid == 201


@in_virtual_time
async def test_many_that_lose_their_vmids_get_different_ones() -> None:
    run = Run()
    for vmid in range(201, 211):
        run.api.cluster.add(vmid, name=f"theirs{vmid}")
    results = await run(*(clone(vmid, movable=True) for vmid in range(201, 211)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len({result.job.target.vmid for result in results}) == 10
