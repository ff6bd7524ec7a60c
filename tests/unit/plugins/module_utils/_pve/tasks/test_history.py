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
    PveError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.history import (
    TaskPage,
    TaskQuery,
    recent_tasks,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH, FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def ended(api: FakeApi, node: str, ago: int, seconds: int = 1, **more: Any) -> FakeTask:
    type_ = more.pop("type_", "qmstart")
    id_ = more.pop("id_", 100)
    return api.cluster.start(node, type_, id_, seconds, started=-ago, **more)


async def listed(api: FakeApi, *nodes: str, **options: Any) -> TaskPage:
    return await recent_tasks(api, nodes, TaskQuery.from_options(options))


@in_virtual_time
async def test_the_lists_of_all_nodes_are_one_newest_start_first() -> None:
    api = FakeApi()
    tasks = [
        ended(api, f"pve{1 + index % 3}", ago=1000 - 10 * index, seconds=1 + 300 * (index % 2))
        for index in range(30)
    ]
    page = await listed(api)
    assert [task.upid for task in page.tasks] == [task.upid for task in reversed(tasks)]
    assert len(api.calls) == 1 + 3


@in_virtual_time
async def test_the_limit_counts_over_all_nodes_and_long_tasks_displace_no_other() -> None:
    api = FakeApi()
    for index in range(20):
        ended(api, "pve1", ago=100_000 - index, seconds=99_900, type_="vzdump")
    recent = [ended(api, f"pve{1 + index % 3}", ago=300 - index) for index in range(12)]
    page = await listed(api, limit=12)
    assert [task.upid for task in page.tasks] == [task.upid for task in reversed(recent)]
    assert (await listed(api, limit=0)).tasks == ()


@in_virtual_time
async def test_a_node_that_does_not_answer_is_data() -> None:
    api = FakeApi()
    ended(api, "pve1", ago=60)
    api.cluster.down.add("pve2")
    page = await listed(api)
    assert len(page.tasks) == 1
    assert list(page.unreachable) == ["pve2"]
    assert "595" in page.unreachable["pve2"]


@in_virtual_time
async def test_a_node_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(UsageError, match="there is no node 'nosuch'"):
        await listed(FakeApi(), "pve1", "nosuch")


@in_virtual_time
async def test_a_token_in_the_user_filter_is_compared_though_archives_split_it() -> None:
    api = FakeApi()
    mine = ended(api, "pve1", ago=60, user="root@pam!ci")
    ended(api, "pve1", ago=50, user="root@pam!other")
    ended(api, "pve1", ago=40, user="root@pam")
    running = api.cluster.start("pve1", "qmclone", 9000, user="root@pam!ci")
    page = await listed(api, "pve1", user="ROOT@pam!ci")
    assert [task.upid for task in page.tasks] == [running.upid, mine.upid]
    assert len((await listed(api, "pve1", user="root")).tasks) == 4


@in_virtual_time
async def test_a_token_s_old_task_is_found_behind_many_of_others() -> None:
    api = FakeApi()
    mine = ended(api, "pve1", ago=10_000, user="root@pam!ci")
    for index in range(700):
        ended(api, "pve1", ago=5000 - index, user="root@pam!other")
    page = await listed(api, "pve1", user="root@pam!ci", limit=1)
    assert [task.upid for task in page.tasks] == [mine.upid]


@in_virtual_time
async def test_filters_narrow_the_list() -> None:
    api = FakeApi()
    good = ended(api, "pve1", ago=60)
    warned = ended(api, "pve1", ago=50, exitstatus="WARNINGS: 1", id_=101)
    failed = ended(api, "pve1", ago=40, exitstatus="no space", type_="qmclone")
    running = api.cluster.start("pve1", "qmclone", 9000)

    async def found(**options: Any) -> list[Any]:
        page = await listed(api, "pve1", **options)
        return [task.upid for task in reversed(page.tasks)]

    everything = [good.upid, warned.upid, failed.upid, running.upid]
    assert await found() == everything
    assert await found(running=True) == [running.upid]
    assert await found(running=False) == everything[:3]
    assert await found(type="qmclone") == [failed.upid, running.upid]
    assert await found(type=["qmclone", "qmstart"]) == everything
    assert await found(type="qmclone, vzdump") == [failed.upid, running.upid]
    assert await found(vmid="101") == [warned.upid]
    assert await found(status="failed") == [failed.upid]
    assert await found(status=["ok", "warnings"]) == [good.upid, warned.upid]
    assert await found(since=str(EPOCH - 50), until=EPOCH - 40) == [warned.upid, failed.upid]
    outcomes = [task.outcome for task in (await listed(api, "pve1")).tasks]
    assert outcomes == [Outcome.RUNNING, Outcome.FAILED, Outcome.WARNINGS, Outcome.OK]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": -1}, "limit: -1 is negative"),
        ({"status": "excellent"}, "status: 'excellent' is not one of ok, warnings"),
        ({"vmid": "web1"}, "vmid: 'web1' is not a number"),
        ({"limit": float("inf")}, "limit: 'inf' is not a number"),
        ({"since": "9" * 400 + "h"}, "since: '999.*' is neither"),
        ({"since": "999999999999w"}, "since: '999999999999w' is out of range"),
        ({"since": "yesterday"}, "since: 'yesterday' is neither"),
        ({"until": "12 parsecs"}, "until: '12 parsecs' is neither"),
    ],
)
def test_an_invalid_query_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TaskQuery.from_options(options)


@pytest.mark.parametrize("name", ["ci", "!ci", "pve!ci", "ANSIBLE@pve!CI"])
def test_the_name_of_a_token_finds_its_running_and_its_ended_tasks(name: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        mine = ended(api, "pve1", ago=60, user="ansible@pve!ci")
        ended(api, "pve1", ago=50, user="root@pam!other")
        running = api.cluster.start("pve1", "qmclone", 9000, user="ansible@pve!ci")
        page = await listed(api, "pve1", user=name)
        assert [task.upid for task in page.tasks] == [running.upid, mine.upid]

    scenario()


@in_virtual_time
async def test_a_limit_that_cuts_off_tasks_is_reported() -> None:
    api = FakeApi()
    for index in range(5):
        ended(api, f"pve{1 + index % 2}", ago=100 + index)
    assert (await listed(api, limit=4)).truncated
    assert not (await listed(api, limit=5)).truncated
    assert (await listed(api, "pve1", limit=2)).truncated


@pytest.mark.parametrize(
    "error",
    [
        ApiError("GET /nodes/pve1/tasks", 401, "authentication failure"),
        NoAnswerError("GET /nodes/pve1/tasks", "pve1:8006: Connection refused", sent=False),
    ],
    ids=["401", "unreachable"],
)
@pytest.mark.parametrize("nodes", [(), ("pve1",), ("pve1", "pve2")])
def test_an_api_that_does_not_answer_is_an_error_never_an_empty_list(
    error: Exception, nodes: tuple[str, ...]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("GET", error, count=None)
        with pytest.raises(PveError, match=r"authentication failure|Connection refused"):
            await listed(api, *nodes)

    scenario()


@in_virtual_time
async def test_a_node_that_refuses_one_ticket_is_data_like_one_that_is_silent() -> None:
    """Tickets are refused by a node whose clock is far from that of the host that gave them."""
    api = FakeApi()
    ended(api, "pve1", ago=60)
    api.disturb("pve2", ApiError("GET", 401, "Authentication failed!"), count=None)
    page = await listed(api)
    assert (len(page.tasks), list(page.unreachable)) == (1, ["pve2"])


@in_virtual_time
async def test_a_silent_node_delays_the_others_by_less_than_a_minute() -> None:
    api = FakeApi()
    ended(api, "pve1", ago=60)
    api.disturb("pve2", asyncio.Event(), count=None)
    page = await listed(api)
    assert (len(page.tasks), list(page.unreachable)) == (1, ["pve2"])
    assert now() < 50


@pytest.mark.parametrize("data", [None, {}, ["text"], [{"upid": 1, "status": "OK"}]])
def test_a_malformed_list_makes_a_node_unreachable_and_not_empty(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        ended(api, "pve1", ago=60)
        rows = (
            data
            if data != [{"upid": 1, "status": "OK"}]
            else [{**api.cluster.tasks[0].row(), "status": 1}]
        )
        api.disturb("pve2/tasks", Answer(rows, 1), count=None)
        page = await listed(api)
        assert (len(page.tasks), list(page.unreachable)) == (1, ["pve2"])

    scenario()


@pytest.mark.parametrize("skew", [-600.0, 0.0, 600.0])
@pytest.mark.parametrize("controller", [-7200.0, 7200.0])
def test_an_age_is_by_the_clock_of_each_node(skew: float, controller: float) -> None:
    """The controller's clock counts until an answer tells that of a server."""

    class Skewed(FakeApi):
        def server_time(self) -> float:
            return super().server_time() + (0.0 if self.calls else controller)

    @in_virtual_time
    async def scenario() -> None:
        api = Skewed()
        api.cluster.skews["pve2"] = skew
        recent = [ended(api, node, ago=50).upid for node in ("pve1", "pve2")]
        for node in ("pve1", "pve2"):
            ended(api, node, ago=90)
        page = await listed(api, since="70s")
        assert {task.upid for task in page.tasks} == set(recent)
        page = await listed(api, since="70s", until="10s")
        assert {task.upid for task in page.tasks} == set(recent)
        assert (await listed(api, since="70s", until="60s")).tasks == ()

    scenario()


@in_virtual_time
async def test_an_age_costs_one_request_a_node_and_other_times_none() -> None:
    api = FakeApi()
    await listed(api, since=str(EPOCH - 100))
    assert len(api.calls) == 1 + 3
    await listed(api, since="1h")
    assert len(api.made("/time$")) == 3
