# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.history import (
    TaskPage,
    TaskQuery,
    parse_time,
    read_query,
    recent_tasks,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH, FakeTask
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_700_000_000.0


def ended(api: FakeApi, node: str, ago: int, seconds: int = 1, **more: Any) -> FakeTask:
    type_ = more.pop("type_", "qmstart")
    id_ = more.pop("id_", 100)
    return api.cluster.start(node, type_, id_, seconds, started=-ago, **more)


async def listed(api: FakeApi, *nodes: str, **options: Any) -> TaskPage:
    return await recent_tasks(api, nodes, TaskQuery.from_options(options, api.server_time()))


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
async def test_the_limit_counts_over_all_nodes_and_long_tasks_push_nobody_out() -> None:
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
        ({"since": "yesterday"}, "since: 'yesterday' is neither"),
        ({"until": "12 parsecs"}, "until: '12 parsecs' is neither"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TaskQuery.from_options(options, NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        (1757362753, 1757362753),
        ("1757362753", 1757362753),
        ("1757362753.9", 1757362753),
        ("90s", NOW - 90),
        ("2h", NOW - 7200),
        ("1.5 h", NOW - 5400),
        ("7d", NOW - 7 * 86400),
        ("2w", NOW - 14 * 86400),
        ("2025-09-08T20:19:13Z", 1757362753),
        ("2025-09-08T22:19:13+02:00", 1757362753),
        ("2025-09-08 20:19:13", 1757362753),
        ("2025-09-08", 1757289600),
    ],
)
def test_times_are_read_in_every_form(value: object, seconds: float | None) -> None:
    assert parse_time(value, NOW, "since") == (None if seconds is None else int(seconds))


@given(st.one_of(st.text(max_size=12), st.integers(), st.floats(allow_nan=True)))
def test_any_other_time_is_refused_and_nothing_worse(value: object) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(parse_time(value, NOW, "since"), (int, type(None)))


@in_virtual_time
async def test_an_age_counts_from_the_server_s_clock_which_an_answer_tells() -> None:
    api = FakeApi()
    query = await read_query(api, {"since": "1h"})
    assert query.since == EPOCH - 3600
    assert len(api.calls) == 1
    await read_query(api, {"since": "1757362753"})
    assert len(api.calls) == 1
