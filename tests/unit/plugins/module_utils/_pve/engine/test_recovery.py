# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.baseline import (
    Baseline,
    Baselines,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.recovery import (
    Recovery,
    find_at_work,
    find_running,
    recover,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.clone import (
    CloneSource,
    clone_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

SOURCE = CloneSource(Guest(9000, "qemu", "pve1", "tpl", "stopped"))
SILENT = NoAnswerError("GET", "595 No route to host", sent=False)


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.add(9000, name="tpl")
    return api


def job(vmid: int = 201) -> Job:
    return clone_job(SOURCE, Guest(vmid, "qemu", "pve1", "web1"), {}, 600, movable=False)


def a_clone(api: FakeApi, vmid: int = 201, **more: Any) -> FakeTask:
    log = [f"creating a clone of VM 9000 with ID {vmid}", "transferred"]
    return api.cluster.start("pve1", "qmclone", 9000, **{"log": log, **more})


async def started(
    api: FakeApi, before: Baseline | None = None, known: Any = (), vmid: int = 201
) -> Recovery:
    return await recover(api, job(vmid), before or Baseline(), known)


@pytest.mark.parametrize("seconds", [None, 0.001], ids=["running", "ended"])
@in_virtual_time
async def test_the_task_of_a_lost_answer_is_found(seconds: float | None) -> None:
    api = an_api()
    task = a_clone(api, seconds=seconds)
    assert await started(api) == Recovery(task.upid, certain=True)
    assert now() < 1


@pytest.mark.parametrize(
    "line",
    [
        "creating a clone of VM 9000 with ID 201",
        "create full clone of drive scsi0 (ceph:vm-9000-disk-0) to ceph:vm-201-disk-0",
        "Formatting '/var/lib/vz/images/201/vm-201-disk-0.qcow2', fmt=qcow2",
    ],
)
@in_virtual_time
async def test_the_log_names_the_clone_in_every_release(line: str) -> None:
    api = an_api()
    a_clone(api, 2011)
    a_clone(api, 120)
    mine = a_clone(api, log=[line])
    assert (await started(api)).upid == mine.upid


@pytest.mark.parametrize(
    "other",
    [
        {"vmid": 202},
        {"vmid": 2010},
        {"user": "bob@pve"},
        {"user": "root@pam!other"},
        {"log": ["nothing that tells"]},
        {"log": []},
    ],
    ids=str,
)
@in_virtual_time
async def test_a_task_of_another_call_is_never_taken_for_it(other: dict[str, Any]) -> None:
    api = an_api()
    a_clone(api, **{"seconds": 1.0, **other})
    assert await started(api) == Recovery(None, certain=True)
    assert now() >= 30


@in_virtual_time
async def test_a_task_that_belongs_to_another_job_is_never_taken() -> None:
    api = an_api()
    task = a_clone(api, seconds=1.0)
    assert (await started(api, known={task.upid})).upid is None


@pytest.mark.parametrize("skew", [-7200, -600, 0, 600, 7200])
@pytest.mark.parametrize("seconds", [None, 1.0], ids=["running", "ended"])
@in_virtual_time
async def test_no_clock_matters_for_what_is_found(skew: int, seconds: float | None) -> None:
    """The node that works has a clock of its own; a task from before the call is never taken."""
    api = an_api()
    a_clone(api, started=skew, seconds=seconds)
    await asyncio.sleep(2)
    before = await Baselines(api).of("pve1")
    assert (await started(api, before)).upid is None
    mine = a_clone(api, started=skew + 2, seconds=seconds)
    assert (await started(api, before)).upid == mine.upid


@in_virtual_time
async def test_what_ended_long_before_the_call_is_never_taken_among_many_tasks() -> None:
    api = an_api()
    a_clone(api, seconds=1.0, started=-9000)
    for index in range(300):
        api.cluster.start("pve1", "qmstart", 300 + index, 1.0, started=-4000 + index)
    before = await Baselines(api).of("pve1")
    assert (await started(api, before)).upid is None
    mine = a_clone(api, seconds=1.0)
    assert (await started(api, before)).upid == mine.upid


@in_virtual_time
async def test_more_tasks_than_a_page_may_run_when_the_call_is_sent() -> None:
    api = an_api()
    a_clone(api, seconds=1.0, started=-9000)
    for index in range(300):
        api.cluster.start("pve1", "qmstart", 300 + index)
    before = await Baselines(api).of("pve1")
    assert (await started(api, before)).upid is None


@in_virtual_time
async def test_many_calls_of_one_moment_share_one_reading() -> None:
    api = an_api()
    baselines = Baselines(api)
    await asyncio.gather(*(baselines.of("pve1") for _unused in range(50)))
    assert len(api.calls) == 1
    await asyncio.sleep(60)
    await baselines.of("pve1")
    assert len(api.calls) == 2


@in_virtual_time
async def test_a_failed_reading_is_repeated() -> None:
    api = an_api()
    api.disturb("GET .*/tasks", ApiError("GET", 500, "no"))
    baselines = Baselines(api)
    with pytest.raises(ApiError):
        await baselines.of("pve1")
    assert await baselines.of("pve1") == Baseline()


@pytest.mark.parametrize("log", [[], ["no content"]], ids=["empty", "says so"])
@in_virtual_time
async def test_a_running_task_without_a_log_may_be_at_work(log: list[str]) -> None:
    api = an_api()
    other = a_clone(api, log=log)
    assert await find_at_work(api, job(), ["pve1"]) == other.upid


@in_virtual_time
async def test_a_running_task_whose_log_may_not_be_read_may_be_at_work() -> None:
    api = an_api()
    other = a_clone(api, user="bob@pve")
    api.disturb("log", ApiError("GET log", 403, "Permission check failed"), count=None)
    assert await find_at_work(api, job(), ["pve1", "pve2"]) == other.upid


@pytest.mark.parametrize("log", [["trying to acquire lock..."], []])
@in_virtual_time
async def test_a_running_clone_that_has_not_named_its_guest_yet_may_be_at_work(
    log: list[str],
) -> None:
    api = an_api()
    other = api.cluster.start("pve1", "qmclone", 9000, user="bob@pve", log=log)
    if not log:
        missing = Answer([{"n": 1, "t": "unable to open file - No such file"}], 1)
        api.disturb("log", missing, count=None)
    assert await find_at_work(api, job(), ["pve1", "pve2"]) == other.upid


@in_virtual_time
async def test_a_running_creation_of_another_guest_is_not_at_work_on_this_one() -> None:
    api = an_api()
    creation = replace(job(), task_type="qmcreate", task_id="201")
    api.cluster.start("pve1", "qmcreate", 202, user="bob@pve")
    assert await find_at_work(api, creation, ["pve1", "pve2"]) is None
    own = api.cluster.start("pve1", "qmcreate", 201, user="bob@pve")
    assert await find_at_work(api, creation, ["pve1", "pve2"]) == own.upid


@in_virtual_time
async def test_while_a_node_cannot_be_read_its_running_tasks_are_unknown() -> None:
    api = an_api()
    api.cluster.down.add("pve2")
    with pytest.raises(NoAnswerError):
        await find_at_work(api, job(), ["pve1", "pve2"])


@in_virtual_time
async def test_a_late_task_is_found_during_the_search() -> None:
    api = an_api()
    loop = asyncio.get_running_loop()
    loop.call_later(25, lambda: a_clone(api))
    assert (await started(api)).upid == api.cluster.tasks[0].upid


@in_virtual_time
async def test_a_task_that_starts_while_its_effect_is_read_is_named_all_the_same() -> None:
    api = an_api()
    late: list[FakeTask] = []

    async def done(_api: object) -> bool:
        late.append(a_clone(api))
        return True

    recovery = await recover(api, replace(job(), done=done), Baseline(), ())
    assert recovery == Recovery(late[0].upid, certain=True, done=True)


@in_virtual_time
async def test_a_locked_target_keeps_nothing_from_being_certain_until_it_is_free() -> None:
    """The caller may not see his running task, but the target shows that somebody works."""
    api = an_api()
    api.hides_running = True
    api.seconds = {"qmclone": 200}
    await api.post(("nodes", "pve1", "qemu", 9000, "clone"), {"newid": 201, "name": "web1"})
    recovery = await started(api)
    assert recovery.upid == api.cluster.tasks[0].upid
    assert now() >= 200


@in_virtual_time
async def test_a_task_that_ends_between_the_two_readings_of_a_look_is_found() -> None:
    """Its list was read while the task was hidden, the target when its lock had gone."""
    api = an_api()
    api.hides_running = True
    api.seconds = {"qmclone": 200}
    await api.post(("nodes", "pve1", "qemu", 9000, "clone"), {"newid": 201, "name": "web1"})
    api.disturb("GET .*/201/config", 30, count=None)
    recovery = await started(api)
    assert recovery.upid == api.cluster.tasks[0].upid


@in_virtual_time
async def test_a_target_that_stays_locked_is_never_certain() -> None:
    api = an_api()
    api.cluster.add(201, lock="clone")
    recovery = await started(api)
    assert (recovery.upid, recovery.certain) == (None, False)
    assert "is being created" in recovery.why
    assert now() >= 600


@in_virtual_time
async def test_a_silent_node_is_never_certain() -> None:
    api = an_api()
    api.cluster.down.add("pve1")
    recovery = await started(api)
    assert (recovery.upid, recovery.certain) == (None, False)
    assert "595" in recovery.why


@in_virtual_time
async def test_silence_for_a_while_delays_the_answer_only() -> None:
    api = an_api()
    api.disturb("GET", SILENT, count=30)
    task = a_clone(api)
    assert (await started(api)).upid == task.upid


@in_virtual_time
async def test_the_running_task_of_any_user_is_found_for_an_adoption() -> None:
    api = an_api()
    a_clone(api, 202)
    theirs = a_clone(api, user="bob@pve")
    assert await find_running(api, job()) == theirs.upid
    assert await find_running(api, job(300)) is None


@in_virtual_time
async def test_a_log_that_may_not_be_read_is_not_ours() -> None:
    api = an_api()
    a_clone(api)
    api.disturb("log", ApiError("GET log", 403, "Permission check failed"), count=None)
    assert await find_running(api, job()) is None
