# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH, FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

ACTIVE = r"GET /nodes/\w+/tasks$"


async def watch(api: FakeApi, *tasks: FakeTask, **options: Any) -> list[Task]:
    """How the tasks end, by one watcher; ``timeout`` is each task's own."""
    timeout = options.pop("timeout", None)
    watcher = Watcher(api, **{"node_timeout": 600.0, **options})
    try:
        waits = [watcher.watch(task.upid, timeout=timeout) for task in tasks]
        return list(await asyncio.gather(*waits))
    finally:
        await watcher.close()


def lists(api: FakeApi, source: str) -> list[float]:
    """When which list was asked for."""
    return [call.at for call in api.made(ACTIVE) if call.params["source"] == source]


@in_virtual_time
async def test_a_task_ends_with_its_exit_status_and_end_time() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 30, exitstatus="clone failed: no space")
    [seen] = await watch(api, task)
    assert (seen.outcome, seen.exitstatus) == (Outcome.FAILED, "clone failed: no space")
    assert seen.ended == EPOCH + 30
    assert 30 <= now() < 32.5


@in_virtual_time
async def test_a_task_that_ended_long_ago_is_known_at_once() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmstart", 100, 3, started=-86400)
    [seen] = await watch(api, task)
    assert (seen.outcome, seen.ended) == (Outcome.OK, EPOCH - 86400 + 3)
    assert now() < 0.1
    assert len(api.calls) == 2


@in_virtual_time
async def test_a_short_task_is_noticed_quickly_and_a_long_one_polled_seldom() -> None:
    api = FakeApi()
    [_seen] = await watch(api, api.cluster.start("pve1", "qmstart", 100, 1.0))
    assert now() < 1.3
    api = FakeApi()
    began = now()
    await watch(api, api.cluster.start("pve1", "qmclone", 9000, 3600))
    assert now() - began < 3602.1
    assert len(lists(api, "active")) < 1900


@in_virtual_time
async def test_300_tasks_on_3_nodes_cost_one_list_for_each_node_and_round() -> None:
    api = FakeApi()
    tasks = [
        api.cluster.start(f"pve{1 + index % 3}", "qmclone", 9000, 20 + index % 7)
        for index in range(300)
    ]
    watcher = Watcher(api, interval=2.0, node_timeout=600)
    ends = await asyncio.gather(*(watcher.watch(task.upid) for task in tasks))
    assert [task.outcome for task in ends] == [Outcome.OK] * 300
    assert [task.upid for task in ends] == [task.upid for task in tasks]
    assert len(lists(api, "active")) == watcher.rounds <= 3 * 15
    # The tasks end at seven different seconds.
    assert len(lists(api, "archive")) <= 3 * 7
    assert len(api.calls) == len(lists(api, "active")) + len(lists(api, "archive"))


@in_virtual_time
async def test_more_tasks_than_a_page_are_all_seen() -> None:
    api = FakeApi()
    tasks = [api.cluster.start("pve1", "qmclone", 9000, 10) for _unused in range(1234)]
    ends = await watch(api, *tasks, interval=2.0)
    assert all(task.outcome is Outcome.OK for task in ends)
    assert all("limit" in call.params for call in api.made(ACTIVE))
    assert not api.made("status")


@in_virtual_time
async def test_absence_from_the_running_ones_proves_nothing() -> None:
    """A token's running task is hidden from the list; only its own status and the archive tell."""
    api = FakeApi(authid="ci@pve!x")
    task = api.cluster.start("pve1", "qmclone", 9000, 60, user="ci@pve!x", listed=False)
    [seen] = await watch(api, task)
    assert (seen.outcome, seen.ended) == (Outcome.OK, EPOCH + 60)
    assert 60 <= now() < 62.5
    assert 4 <= len(api.made("status")) <= 8


@in_virtual_time
async def test_an_end_that_the_archive_has_not_noticed_yet_is_known_from_the_status() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 20, noticed=9.0)
    [seen] = await watch(api, task)
    assert seen.outcome is Outcome.OK
    assert now() < 21.5


@in_virtual_time
async def test_a_silent_node_makes_its_own_tasks_lost_and_no_others() -> None:
    api = FakeApi()
    here = api.cluster.start("pve1", "qmclone", 9000, 30)
    there = api.cluster.start("pve2", "qmclone", 9001, 30)
    api.cluster.down.add("pve2")
    watcher = Watcher(api, node_timeout=600)
    waits = [watcher.watch(task.upid) for task in (here, there)]
    assert (await waits[0]).outcome is Outcome.OK
    assert now() < 33
    lost = await waits[1]
    assert lost.outcome is Outcome.LOST
    assert lost.note is not None
    assert "pve2 does not answer" in lost.note
    assert "595" in lost.note
    assert 600 <= now() < 604


@in_virtual_time
async def test_a_node_that_comes_back_in_time_loses_nothing() -> None:
    api = FakeApi()
    task = api.cluster.start("pve2", "qmclone", 9001, 30)
    api.cluster.down.add("pve2")
    asyncio.get_running_loop().call_later(500, api.cluster.down.clear)
    [seen] = await watch(api, task)
    assert seen.outcome is Outcome.OK
    assert now() < 503


@in_virtual_time
async def test_silence_is_counted_from_the_last_answer() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 2000)
    loop = asyncio.get_running_loop()
    for second in (100, 700, 1300):
        loop.call_later(second, api.cluster.down.add, "pve1")
        loop.call_later(second + 500, api.cluster.down.clear)
    [seen] = await watch(api, task)
    assert seen.outcome is Outcome.OK


@in_virtual_time
async def test_a_deadline_is_kept_to_the_second() -> None:
    api = FakeApi()
    [seen] = await watch(api, api.cluster.start("pve1", "qmclone", 9000, 3600), timeout=100)
    assert seen.outcome is Outcome.TIMED_OUT
    assert seen.note == "still running after 100 s"
    assert 100 <= now() < 100.5


@in_virtual_time
async def test_the_deadline_counts_from_the_call_not_from_the_start_of_the_task() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3630, started=-3600)
    [seen] = await watch(api, task, timeout=100)
    assert seen.outcome is Outcome.OK


@in_virtual_time
async def test_a_deadline_on_a_silent_node_ends_as_lost() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3600)
    api.cluster.down.add("pve1")
    [seen] = await watch(api, task, timeout=50)
    assert seen.outcome is Outcome.LOST
    assert 50 <= now() < 52


@in_virtual_time
async def test_no_answer_is_waited_for_long_after_a_deadline() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3600)
    asyncio.get_running_loop().call_later(45, setattr, api, "latency", 30.0)
    [seen] = await watch(api, task, timeout=50)
    assert seen.outcome is Outcome.LOST
    assert 50 <= now() < 54


@in_virtual_time
async def test_a_timeout_of_0_reads_once() -> None:
    api = FakeApi()
    running = api.cluster.start("pve1", "qmclone", 9000, 3600)
    ended = api.cluster.start("pve1", "qmclone", 9000, 1, started=-60)
    first, second = await watch(api, running, ended, timeout=0)
    assert (first.outcome, second.outcome) == (Outcome.TIMED_OUT, Outcome.OK)
    assert len(api.calls) == 2


@in_virtual_time
async def test_a_task_that_joins_in_the_middle_of_a_round_is_polled_before_it_is_late() -> None:
    api = FakeApi(latency=1.0)
    first = api.cluster.start("pve1", "qmclone", 9000, 30)
    ended = api.cluster.start("pve1", "qmstart", 100, 1, started=-60)
    watcher = Watcher(api, node_timeout=600)
    waits = [watcher.watch(first.upid)]
    await asyncio.sleep(0.5)  # the list of the first round is on its way
    waits.append(watcher.watch(ended.upid, timeout=0))
    assert [task.outcome for task in await asyncio.gather(*waits)] == [Outcome.OK] * 2


@in_virtual_time
async def test_an_unknown_upid_is_lost_and_does_not_affect_others() -> None:
    api = FakeApi()
    known = api.cluster.start("pve1", "qmclone", 9000, 30)
    unknown = Upid.parse(f"UPID:pve1:00000001:00000002:{EPOCH - 9:08X}:qmstart:100:root@pam:")
    watcher = Watcher(api, node_timeout=600)
    ends = await asyncio.gather(watcher.watch(unknown), watcher.watch(known.upid))
    assert [task.outcome for task in ends] == [Outcome.LOST, Outcome.OK]
    assert ends[0].note is not None
    assert "has no such task" in ends[0].note


@pytest.mark.parametrize(
    "error",
    [
        ApiError("GET status", 403, "Permission check failed (/nodes/pve1, Sys.Audit)"),
        ApiError("GET status", 400, "Parameter verification failed.", {"upid": "unable to parse"}),
    ],
    ids=["403", "400"],
)
def test_a_status_that_is_refused_is_lost_with_the_reason_and_takes_no_other_along(
    error: ApiError,
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi(authid="ci@pve!x")
        hidden = api.cluster.start("pve1", "qmclone", 9000, 60, listed=False)
        known = api.cluster.start("pve1", "qmclone", 9000, 30)
        api.disturb("GET .*/status", error)
        lost, fine = await watch(api, hidden, known)
        assert (lost.outcome, fine.outcome) == (Outcome.LOST, Outcome.OK)
        assert lost.note is not None
        assert error.reason in lost.note

    scenario()


@in_virtual_time
async def test_a_node_that_does_not_exist_is_reported_at_once() -> None:
    api = FakeApi()
    upid = Upid.parse("UPID:nosuch:00000001:00000002:68BF3A41:qmstart:100:root@pam:")
    task = await Watcher(api, node_timeout=600).watch(upid)
    assert task.outcome is Outcome.LOST
    assert "no node nosuch" in (task.note or "")
    assert now() < 1


@pytest.mark.parametrize(
    "error",
    [
        UsageError("the certificate of pve1:8006 is not trusted"),
        ApiError("GET /nodes/pve1/tasks", 401, "authentication failure"),
    ],
    ids=["untrusted", "401"],
)
def test_what_will_never_become_a_yes_ends_the_wait_at_once(error: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("GET", error, count=None)
        [task] = await watch(api, api.cluster.start("pve1", "qmclone", 9000, 30))
        assert task.outcome is Outcome.LOST
        assert str(error) in (task.note or "")
        assert now() < 1

    scenario()


@in_virtual_time
async def test_one_bad_poll_loses_nothing() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 30, exitstatus="WARNINGS: 1")
    api.disturb("tasks", NoAnswerError("GET", "596 Broken pipe", sent=True), count=3)
    api.disturb("tasks", ApiError("GET", 500, "got timeout"), count=3)
    [seen] = await watch(api, task)
    assert seen.outcome is Outcome.WARNINGS
    assert now() < 33


@in_virtual_time
async def test_a_status_without_exit_status_is_unexpected() -> None:
    api = FakeApi(authid="ci@pve!x")
    task = api.cluster.start("pve1", "qmclone", 9000, 5, listed=False, noticed=100.0, exitstatus="")
    [seen] = await watch(api, task)
    assert (seen.outcome, seen.exitstatus) == (Outcome.FAILED, "unexpected status")


@in_virtual_time
async def test_a_task_that_has_just_started_is_not_polled_at_once() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 30)
    watcher = Watcher(api, node_timeout=600)
    await watcher.watch(task.upid, fresh=True)
    assert lists(api, "active")[0] >= 0.2


@in_virtual_time
async def test_a_single_poll_does_not_wait_for_the_next_round() -> None:
    api = FakeApi()
    watcher = Watcher(api, interval=60, node_timeout=600)
    long = watcher.watch(api.cluster.start("pve1", "qmclone", 9000, 300).upid)
    await asyncio.sleep(5)
    ended = api.cluster.start("pve1", "qmstart", 100, 1, started=-60)
    await watcher.watch(ended.upid)
    assert now() < 6
    assert not long.done()
    await watcher.close()
    assert long.cancelled()
