# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.clone import (
    CloneSource,
    clone_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job, Target
from ansible_collections.upid.proxmox.plugins.module_utils._pve.recovery import (
    Fate,
    find_dead,
    find_running,
    find_started,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH, FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

SOURCE = CloneSource(Guest(9000, "qemu", "pve1", "tpl", "stopped"))
SILENT = NoAnswerError("GET", "595 No route to host", sent=False)


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.add(9000, name="tpl")
    return api


def job(vmid: int = 201) -> Job:
    return clone_job(SOURCE, Target(vmid, "web1", "pve1", "qemu"), {}, 600, movable=False)


def a_clone(api: FakeApi, vmid: int = 201, **more: Any) -> FakeTask:
    log = [f"creating a clone of VM 9000 with ID {vmid}", "transferred"]
    return api.cluster.start("pve1", "qmclone", 9000, **{"log": log, **more})


async def started(api: FakeApi, since: float = 0.0, known: Any = (), vmid: int = 201) -> Fate:
    return await find_started(api, job(vmid), EPOCH + since, known)


@pytest.mark.parametrize("seconds", [None, 0.001], ids=["running", "ended"])
def test_the_task_of_a_lost_answer_is_found(seconds: float | None) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        task = a_clone(api, seconds=seconds)
        assert await started(api) == Fate(task.upid, certain=True)
        assert now() < 1

    scenario()


@pytest.mark.parametrize(
    "line",
    [
        "creating a clone of VM 9000 with ID 201",
        "create full clone of drive scsi0 (ceph:vm-9000-disk-0) to ceph:vm-201-disk-0",
        "Formatting '/var/lib/vz/images/201/vm-201-disk-0.qcow2', fmt=qcow2",
    ],
)
def test_the_log_tells_which_clone_it_is_in_every_release(line: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        a_clone(api, 2011)
        a_clone(api, 120)
        mine = a_clone(api, log=[line])
        assert (await started(api)).upid == mine.upid

    scenario()


@pytest.mark.parametrize(
    "other",
    [
        {"vmid": 202},
        {"vmid": 2010},
        {"user": "bob@pve"},
        {"user": "root@pam!other"},
        {"started": -3600},
        {"log": ["nothing that tells"]},
        {"log": []},
    ],
    ids=str,
)
def test_a_task_of_another_call_is_never_taken_for_it(other: dict[str, Any]) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        a_clone(api, **{"seconds": 1.0, **other})
        assert await started(api) == Fate(None, certain=True)
        assert now() >= 30

    scenario()


@in_virtual_time
async def test_a_task_that_belongs_to_another_job_is_never_taken() -> None:
    api = an_api()
    task = a_clone(api, seconds=1.0)
    assert (await started(api, known={task.upid})).upid is None


@in_virtual_time
async def test_a_clock_that_is_known_to_the_second_only_hides_no_task() -> None:
    api = an_api()
    task = a_clone(api)
    assert (await started(api, since=1.9)).upid == task.upid


@in_virtual_time
async def test_a_late_task_is_found_while_it_is_looked_for() -> None:
    api = an_api()
    loop = asyncio.get_running_loop()
    loop.call_later(25, lambda: a_clone(api))
    assert (await started(api)).upid == api.cluster.tasks[0].upid


@in_virtual_time
async def test_a_locked_target_keeps_nothing_from_being_certain_until_it_is_free() -> None:
    """The caller may not see his running task, but the target shows that somebody works."""
    api = an_api()
    api.hides_running = True
    api.seconds = {"qmclone": 200}
    await api.post(("nodes", "pve1", "qemu", 9000, "clone"), {"newid": 201, "name": "web1"})
    fate = await started(api)
    assert fate.upid == api.cluster.tasks[0].upid
    assert now() >= 200


@in_virtual_time
async def test_a_target_that_stays_locked_is_never_certain() -> None:
    api = an_api()
    api.cluster.add(201, lock="clone")
    fate = await started(api)
    assert (fate.upid, fate.certain) == (None, False)
    assert "is being made" in fate.why
    assert now() >= 600


@in_virtual_time
async def test_a_silent_node_is_never_certain() -> None:
    api = an_api()
    api.cluster.down.add("pve1")
    fate = await started(api)
    assert (fate.upid, fate.certain) == (None, False)
    assert "595" in fate.why


@in_virtual_time
async def test_silence_for_a_while_delays_the_answer_only() -> None:
    api = an_api()
    api.disturb("GET", SILENT, count=30)
    task = a_clone(api)
    assert (await started(api)).upid == task.upid


@in_virtual_time
async def test_the_running_task_of_anybody_is_found_for_an_adoption() -> None:
    api = an_api()
    a_clone(api, 202)
    theirs = a_clone(api, user="bob@pve")
    assert await find_running(api, job()) == theirs.upid
    assert await find_running(api, job(300)) is None


@in_virtual_time
async def test_only_what_ended_badly_is_dead() -> None:
    api = an_api()
    killed = a_clone(api, seconds=1.0, started=-900, exitstatus="unexpected status")
    a_clone(api, seconds=1.0, started=-800)
    a_clone(api, seconds=1.0, started=-700, exitstatus="WARNINGS: 1")
    a_clone(api, seconds=1.0, started=-600, exitstatus="no space", user="bob@pve")
    a_clone(api)
    assert await find_dead(api, job()) == killed.upid
    assert await find_dead(api, job(300)) is None


@in_virtual_time
async def test_a_log_that_may_not_be_read_is_not_ours() -> None:
    api = an_api()
    a_clone(api)
    api.disturb("log", ApiError("GET log", 403, "Permission check failed"), count=None)
    assert await find_running(api, job()) is None
