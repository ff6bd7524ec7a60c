# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

ACTIVE = r"GET /nodes/\w+/tasks$"
UNTRUSTED = UsageError("the certificate of pve1:8006 is not trusted")
NO_TICKET = ApiError("GET /nodes/pve1/tasks", 401, "Authentication failed!")
AWAY = ApiError(
    "GET /nodes/pve1/tasks",
    500,
    "RPCEnvironment init request failed: Unable to load access control list: Connection refused",
)


async def watch(api: FakeApi, *tasks: FakeTask, **options: Any) -> list[Task]:
    """How the tasks end, by one watcher; ``timeout`` is each task's own."""
    timeout = options.pop("timeout", None)
    watcher = Watcher(api, **{"node_timeout": 600.0, **options})
    try:
        waits = [watcher.watch(task.upid, timeout=timeout) for task in tasks]
        return list(await asyncio.gather(*waits))
    finally:
        await watcher.close()


def outcomes(tasks: list[Task]) -> list[str]:
    return [task.outcome.value for task in tasks]


@pytest.mark.parametrize("where", [ACTIVE, "/status$"])
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), KeyError("t")])
def test_an_unexpected_error_ends_the_wait_with_its_traceback(where: str, error: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        hidden = where != ACTIVE
        here = api.cluster.start("pve1", "qmclone", 9000, 30, listed=not hidden)
        there = api.cluster.start("pve2", "qmclone", 9000, 30)
        api.disturb("pve1.*/status$" if hidden else "GET /nodes/pve1/tasks$", error, count=None)
        lost, fine = await watch(api, here, there)
        assert (lost.outcome, fine.outcome) == (Outcome.LOST, Outcome.OK)
        assert lost.note is not None
        assert "Traceback" in lost.note
        assert str(error) in lost.note

    scenario()


@in_virtual_time
async def test_a_watcher_whose_loop_died_can_be_used_again() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 30)
    watcher = Watcher(api, node_timeout=600)
    api.disturb(ACTIVE, RuntimeError("once"))
    assert (await watcher.watch(task.upid)).outcome is Outcome.LOST
    assert (await watcher.watch(task.upid)).outcome is Outcome.OK


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        "text",
        7,
        [None, ["x"], "text", {"upid": 5}],
        [{"upid": "UPID:pve1:x"}],
    ],
)
def test_a_malformed_list_is_an_error_of_that_request_alone(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        tasks = [api.cluster.start("pve1", "qmclone", 9000, seconds) for seconds in (20, 30)]
        api.disturb(ACTIVE, Answer(data, 1), count=4)
        assert outcomes(await watch(api, *tasks)) == ["ok", "ok"]
        assert now() < 33

    scenario()


@pytest.mark.parametrize("end", [{"status": 5}, {"status": "OK", "endtime": "abc"}])
def test_the_task_of_a_malformed_row_is_read_by_itself_and_delays_no_other(
    end: dict[str, Any],
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        odd = api.cluster.start("pve1", "qmclone", 9000, 1, started=-60)
        fine = api.cluster.start("pve1", "qmclone", 9000, 1, started=-60, exitstatus="no space")
        api.disturb(ACTIVE, Answer([], 0))
        api.disturb(ACTIVE, Answer([{**odd.row(), **end}, fine.row()], 2))
        assert outcomes(await watch(api, odd, fine)) == ["ok", "failed"]
        assert len(api.made("/status$")) == 1

    scenario()


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "stopped",
        {"status": 5},
        {"status": "stopped", "exitstatus": 7},
        {"status": "stopped", "exitstatus": "OK", "upid": "UPID:of:another"},
    ],
)
def test_a_malformed_status_settles_nothing_and_is_read_again(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        hidden = api.cluster.start("pve1", "qmclone", 9000, 60, listed=False)
        listed = api.cluster.start("pve1", "qmclone", 9000, 5)
        api.disturb("/status$", Answer(data), count=2)
        assert outcomes(await watch(api, hidden, listed)) == ["ok", "ok"]
        assert 60 <= now() < 63

    scenario()


@pytest.mark.parametrize("error", [NO_TICKET, AWAY, UNTRUSTED], ids=["401", "pmxcfs", "renewed"])
def test_a_refusal_in_the_middle_of_a_wait_that_had_worked_passes(error: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "qmclone", 9000, 900)
        loop = asyncio.get_running_loop()
        loop.call_later(10, lambda: api.disturb("GET", error, count=None))
        loop.call_later(500, api.disturbances.clear)
        assert outcomes(await watch(api, task)) == ["ok"]

    scenario()


@pytest.mark.parametrize("error", [NO_TICKET, AWAY, UNTRUSTED], ids=["401", "pmxcfs", "renewed"])
def test_a_refusal_that_does_not_pass_is_the_silence_of_its_node(error: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        here = api.cluster.start("pve1", "qmclone", 9000, 900)
        there = api.cluster.start("pve2", "qmclone", 9000, 900)
        call = asyncio.get_running_loop().call_later
        call(10, lambda: api.disturb("GET /nodes/pve1/", error, count=None))
        ends = await watch(api, here, there, node_timeout=300)
        assert outcomes(ends) == ["lost", "ok"]
        assert str(error) in (ends[0].note or "")

    scenario()


@in_virtual_time
async def test_a_daemon_that_is_away_is_silence_for_the_tasks_that_need_it() -> None:
    """Lists come from pveproxy, the status of a hidden task from pvedaemon."""
    api = FakeApi()
    hidden = api.cluster.start("pve1", "qmclone", 9000, 900, listed=False)
    listed = api.cluster.start("pve1", "qmclone", 9000, 900)
    refused = NoAnswerError("GET status", "595 Connection refused", sent=False)
    api.disturb("/status$", refused, count=None)
    ends = await watch(api, hidden, listed, node_timeout=300)
    assert outcomes(ends) == ["lost", "ok"]
    assert "595 Connection refused" in (ends[0].note or "")


@pytest.mark.parametrize(
    ("error", "within"),
    [
        (UNTRUSTED, 1),
        (NO_TICKET, 1),
        (NoAnswerError("GET", "pve1:8006: Connection refused", sent=False), 10),
    ],
    ids=["untrusted", "401", "unreachable"],
)
def test_an_api_that_never_answered_is_reported_after_the_retries_of_one_request(
    error: Exception, within: float
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("GET", error, count=None)
        tasks = [api.cluster.start(f"pve{n}", "qmclone", 9000, 30) for n in (1, 2, 3)]
        ends = await watch(api, *tasks)
        assert outcomes(ends) == ["lost"] * 3
        assert all(str(error) in (task.note or "") for task in ends)
        assert now() < within
        assert len(api.made("GET /version")) <= 6

    scenario()


@in_virtual_time
async def test_a_silent_node_behind_a_host_that_answers_is_waited_for() -> None:
    api = FakeApi()
    task = api.cluster.start("pve2", "qmclone", 9000, 30)
    api.cluster.down.add("pve2")
    asyncio.get_running_loop().call_later(300, api.cluster.down.clear)
    assert outcomes(await watch(api, task)) == ["ok"]
    assert len(api.made("GET /version")) == 1


@in_virtual_time
async def test_who_has_started_a_task_has_contact_already() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 30)
    watcher = Watcher(api, node_timeout=600)
    wait = watcher.watch(task.upid, fresh=True)
    api.disturb("GET", NO_TICKET, count=60)
    assert (await wait).outcome is Outcome.OK
    assert not api.made("GET /version")


@in_virtual_time
async def test_the_first_contact_is_not_waited_for_beyond_the_deadline() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3600)
    api.disturb("GET", asyncio.Event(), count=None)
    assert outcomes(await watch(api, task, timeout=5)) == ["lost"]
    assert 5 <= now() < 13


@in_virtual_time
async def test_one_lost_response_does_not_spoil_the_only_poll() -> None:
    api = FakeApi()
    tasks = [api.cluster.start(f"pve{n}", "qmstart", 100, 1, started=-60) for n in (1, 2)]
    api.disturb(ACTIVE, NoAnswerError("GET", "connection reset", sent=True), count=2)
    assert outcomes(await watch(api, *tasks, timeout=0)) == ["ok", "ok"]


@in_virtual_time
async def test_100_hidden_tasks_are_read_side_by_side() -> None:
    api = FakeApi(latency=0.1)
    tasks = [
        api.cluster.start("pve1", "qmclone", 9000, 3600, listed=False) for _unused in range(100)
    ]
    ends = await watch(api, *tasks, timeout=20)
    assert outcomes(ends) == ["timed_out"] * 100
    assert 20 <= now() < 22.5
    first = [call.at for call in api.made("/status$")][:100]
    assert first[-1] - first[0] < 1.5


@in_virtual_time
async def test_a_hidden_task_whose_status_is_slow_at_the_deadline_is_late_not_lost() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3600, listed=False)
    asyncio.get_running_loop().call_later(9, lambda: api.disturb("/status$", 60.0, count=None))
    [end] = await watch(api, task, timeout=15)
    assert end.outcome is Outcome.TIMED_OUT
    assert 15 <= now() < 18


@in_virtual_time
async def test_a_hidden_task_of_which_nothing_was_ever_known_is_lost_at_the_deadline() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3600, listed=False)
    api.disturb("/status$", 60.0, count=None)
    [end] = await watch(api, task, timeout=15)
    assert end.outcome is Outcome.LOST
    assert "no answer in time" in (end.note or "")


@in_virtual_time
async def test_watching_100_running_tasks_again_costs_no_request_for_each() -> None:
    api = FakeApi()
    tasks = [
        api.cluster.start(f"pve{1 + n % 2}", "qmclone", 9000, 660, started=-600) for n in range(100)
    ]
    watcher = Watcher(api, node_timeout=600)
    await asyncio.gather(*(watcher.watch(task.upid) for task in tasks))
    assert len(api.calls) <= watcher.rounds + 2 + 2
    assert len(api.made("/time$")) == 2


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_the_age_of_a_task_is_by_the_clock_of_its_own_node(skew: float) -> None:
    """An old task is looked at seldom and a new one often, whatever the node's clock shows."""

    @in_virtual_time
    async def scenario() -> None:
        rounds = []
        for started in (-100, 0):
            api = FakeApi()
            api.cluster.skews["pve2"] = skew
            task = api.cluster.start("pve2", "qmclone", 9000, 4 - started, started=started + now())
            watcher = Watcher(api, node_timeout=600)
            await watcher.watch(task.upid)
            rounds.append(watcher.rounds)
        assert rounds[0] <= 4
        assert rounds[1] >= 15

    scenario()


@in_virtual_time
async def test_a_task_that_failed_at_once_does_not_set_the_interval() -> None:
    api = FakeApi()
    watcher = Watcher(api, node_timeout=600)
    failed = api.cluster.start("pve1", "qmclone", 9000, 0.5, exitstatus="no space")
    assert (await watcher.watch(failed.upid, fresh=True)).outcome is Outcome.FAILED
    before = watcher.rounds
    await watcher.watch(api.cluster.start("pve1", "qmclone", 9000, 600).upid, fresh=True)
    assert watcher.rounds - before < 400


@pytest.mark.parametrize(("interval", "least", "most"), [(0.0, 95, 101), (float("inf"), 1, 2)])
def test_an_interval_has_a_floor_and_a_ceiling(interval: float, least: int, most: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi(latency=0.0)
        watcher = Watcher(api, interval=interval, node_timeout=600)
        task = api.cluster.start("pve1", "qmclone", 9000, 10)
        await watcher.watch(task.upid)
        assert least <= watcher.rounds <= most + 1
        assert now() < 3700

    scenario()
