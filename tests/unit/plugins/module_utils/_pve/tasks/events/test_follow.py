# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.events.cursor import (
    CursorFile,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.events.follow import follow
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.events.query import (
    EventQuery,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH, FakeTask
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

Seen = list[dict[str, Any]]
NO_ANSWER = NoAnswerError("GET", "595 No route to host", sent=False)


@asynccontextmanager
async def following(
    api: FakeApi, cursor: Path | None = None, slow: float = 0, **options: Any
) -> AsyncIterator[Seen]:
    """The events since now; what is left at the end of the block is cancelled, as by kill -9."""
    seen: Seen = []

    async def hand_over(event: dict[str, Any]) -> None:
        await asyncio.sleep(slow)
        seen.append(event)

    file = CursorFile(str(cursor)) if cursor else None
    query = EventQuery.from_options({"interval": 1, **options})
    work = asyncio.ensure_future(follow(api, query, hand_over, lambda: asyncio.sleep(0), file))
    await asyncio.sleep(0.5)
    try:
        yield seen
        if work.done():
            work.result()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        if file:
            file.close()


def said(seen: Seen, task: FakeTask | None = None) -> list[str]:
    """The types of the events, or of those of a task."""
    return [
        event["type"]
        for event in seen
        if task is None or (event["task"] or {}).get("upid") == str(task.upid)
    ]


@in_virtual_time
async def test_a_start_and_an_end_are_reported_once_each() -> None:
    api = FakeApi()
    async with following(api) as seen:
        log = ["create full clone of drive", "trying to acquire lock...",
               "creating a clone of VM 9000 with ID 201"]  # fmt: skip
        task = api.cluster.start("pve1", "qmclone", 9000, 5, log=log)
        await asyncio.sleep(20)
    assert said(seen) == ["task_started", "task_finished"]
    assert [event["id"] for event in seen] == [
        f"{task.upid}task_started",
        f"{task.upid}task_finished:ok",
    ]
    assert [event["task"]["outcome"] for event in seen] == ["running", "ok"]
    assert seen[1]["task"]["duration"] == 5
    assert seen[1]["message"] == "VM 9000 - Clone: ok on pve1"
    assert [event["vmids"] for event in seen] == [[], [201]]


@in_virtual_time
async def test_a_task_that_no_poll_saw_running_still_has_a_start() -> None:
    api = FakeApi()
    async with following(api) as seen:
        task = api.cluster.start("pve1", "qmstart", 100, 0.1)
        await asyncio.sleep(3)
    assert said(seen, task) == ["task_started", "task_finished"]


@in_virtual_time
async def test_it_begins_now_and_the_end_of_what_runs_already_is_reported() -> None:
    api = FakeApi()
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    running = api.cluster.start("pve2", "vzdump", 101, 70, started=-60)
    async with following(api) as seen:
        await asyncio.sleep(20)
    assert said(seen) == said(seen, running) == ["task_finished"]


@in_virtual_time
async def test_it_can_begin_earlier_by_the_clock_of_each_node() -> None:
    api = FakeApi()
    api.cluster.skews = {"pve2": 600, "pve3": -600}
    for node in api.cluster.nodes:
        api.cluster.start(node, "qmstart", 100, 3, started=-400)
    late = [api.cluster.start(node, "qmstart", 101, 3, started=-100) for node in api.cluster.nodes]
    long = api.cluster.start("pve1", "vzdump", 102, 300, started=-320)
    async with following(api, since="5m") as seen:
        await asyncio.sleep(1)
    assert {event["task"]["upid"] for event in seen} == {str(task.upid) for task in [*late, long]}
    assert said(seen, long) == ["task_finished"]
    assert len(seen) == 7


@in_virtual_time
async def test_a_long_task_is_found_whatever_started_and_ended_since(tmp_path: Path) -> None:
    api = FakeApi()
    long = api.cluster.start("pve1", "vzdump", 101, 1000)
    async with following(api, tmp_path / "cursor"):
        await asyncio.sleep(5)
    for number in range(600):
        api.cluster.start("pve1", "qmstart", 200 + number, 1, started=10 + number)
    await asyncio.sleep(1200)
    async with following(api, tmp_path / "cursor") as seen:
        await asyncio.sleep(5)
    assert said(seen, long) == ["task_finished"]
    assert len(seen) == 1 + 2 * 600
    assert len({event["id"] for event in seen}) == len(seen)


@in_virtual_time
async def test_nothing_is_lost_wherever_it_is_killed_and_doubles_have_the_same_id(
    tmp_path: Path,
) -> None:
    api = FakeApi()
    cursor = tmp_path / "cursor"
    async with following(api, cursor):
        await asyncio.sleep(1)
    tasks = [
        api.cluster.start(f"pve{1 + n % 3}", "qmstart", 100 + n, 1 + n % 7, started=5 + n * 0.5)
        for n in range(300)
    ]
    ids: list[str] = []
    for run in range(40):
        async with following(api, cursor, slow=0.01) as seen:
            await asyncio.sleep(0.3 + 0.37 * run)
        ids += [event["id"] for event in seen]
    assert set(ids) == {
        f"{task.upid}{kind}" for task in tasks for kind in ("task_started", "task_finished:ok")
    }
    assert len(ids) < 2 * len(set(ids))


@in_virtual_time
async def test_an_end_that_is_noticed_late_is_not_passed_over() -> None:
    api = FakeApi()
    async with following(api) as seen:
        late = api.cluster.start("pve1", "qmstart", 100, 3, noticed=9)
        other = [api.cluster.start("pve1", "qmstart", 101 + n, 4 + n) for n in range(5)]
        await asyncio.sleep(30)
    assert said(seen, late) == ["task_started", "task_finished"]
    assert all(said(seen, task) == ["task_started", "task_finished"] for task in other)


@in_virtual_time
async def test_an_end_counts_by_its_place_in_the_archive_and_not_by_the_clock() -> None:
    api = FakeApi()
    async with following(api) as seen:
        api.cluster.start("pve1", "qmstart", 100, 1)
        await asyncio.sleep(5)
        api.cluster.skews["pve1"] = -600
        task = api.cluster.start("pve1", "qmstart", 101, 0.1)
        await asyncio.sleep(5)
    assert said(seen, task) == ["task_started", "task_finished"]
    assert len(seen) == 4


@in_virtual_time
async def test_what_moves_to_the_next_page_while_that_is_read_is_reported_once() -> None:
    api = FakeApi()
    async with following(api) as seen:
        for number in range(100):
            api.cluster.start("pve1", "qmstart", 100 + number, 0.1)
        for number in range(20):
            api.cluster.start("pve1", "qmstop", 300 + number, 0.5)
        api.disturb("GET /nodes/pve1/tasks", 0.4, after=True)
        await asyncio.sleep(10)
    assert [call.params["limit"] for call in api.made("GET /nodes/pve1/tasks")[1:3]] == [25, 500]
    assert len(seen) == len({event["id"] for event in seen}) == 2 * 120


@in_virtual_time
async def test_a_gap_in_the_archive_is_reported_and_what_is_left_is_not_lost(
    tmp_path: Path,
) -> None:
    api = FakeApi()
    running = api.cluster.start("pve1", "vzdump", 101, 50)
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    async with following(api, tmp_path / "cursor"):
        await asyncio.sleep(3)
    await asyncio.sleep(60)
    rotated = api.cluster.tasks[:]
    new = api.cluster.start("pve1", "qmstart", 102, 3)
    await asyncio.sleep(60)
    api.cluster.tasks.remove(rotated[1])
    running.noticed = 1e9  # out of the archive, its log is still there
    async with following(api, tmp_path / "cursor") as seen:
        await asyncio.sleep(10)
    assert said(seen) == ["tasks_missed", "task_started", "task_finished", "task_finished"]
    assert said(seen, new) == ["task_started", "task_finished"]
    assert said(seen, running) == ["task_finished"]
    assert seen[-1]["task"]["ended"] is None


@in_virtual_time
async def test_a_task_that_disappears_is_lost() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "vzdump", 101)
    async with following(api) as seen:
        api.cluster.tasks.clear()
        await asyncio.sleep(10)
    assert said(seen, task) == ["task_finished"]
    assert seen[0]["task"]["outcome"] == "lost"


@in_virtual_time
async def test_a_node_that_is_lost_and_regained_delays_no_other_and_loses_nothing() -> None:
    api = FakeApi()
    async with following(api) as seen:
        api.cluster.down.add("pve2")
        task = api.cluster.start("pve2", "qmstart", 100, 3)
        other = api.cluster.start("pve1", "qmstart", 101, 3)
        await asyncio.sleep(30)
        assert said(seen, other) == ["task_started", "task_finished"]
        api.cluster.down.clear()
        await asyncio.sleep(30)
    assert [event["type"] for event in seen if event["node"] == "pve2"] == [
        "node_lost", "node_regained", "task_started", "task_finished"
    ]  # fmt: skip
    lost, regained = (event for event in seen if event["type"].startswith("node_"))
    assert "595 No route to host" in lost["message"]
    assert regained["lost_for"] is not None
    assert said(seen, task) == ["task_started", "task_finished"]


@in_virtual_time
async def test_a_single_failure_is_no_loss() -> None:
    api = FakeApi()
    async with following(api) as seen:
        api.disturb("GET /nodes/pve2/tasks", NO_ANSWER)
        await asyncio.sleep(10)
    assert seen == []


@in_virtual_time
async def test_a_lost_node_stays_lost_over_a_restart(tmp_path: Path) -> None:
    api = FakeApi()
    async with following(api, tmp_path / "cursor") as first:
        api.cluster.down.add("pve2")
        await asyncio.sleep(30)
    async with following(api, tmp_path / "cursor") as second:
        await asyncio.sleep(30)
        api.cluster.down.clear()
        await asyncio.sleep(30)
    assert [said(first), said(second)] == [["node_lost"], ["node_regained"]]


@in_virtual_time
async def test_what_happens_on_a_node_that_was_down_at_first_is_not_lost() -> None:
    api = FakeApi()
    api.cluster.start("pve2", "qmstart", 99, 3, started=-60)
    api.cluster.down.add("pve2")
    async with following(api) as seen:
        task = api.cluster.start("pve2", "qmstart", 100, 3)
        await asyncio.sleep(30)
        api.cluster.down.clear()
        await asyncio.sleep(30)
    assert said(seen) == ["node_lost", "node_regained", "task_started", "task_finished"]
    assert said(seen, task) == ["task_started", "task_finished"]


@in_virtual_time
async def test_the_loss_of_the_api_is_one_event_and_nothing_is_lost() -> None:
    api = FakeApi()
    async with following(api) as seen:
        api.disturb("GET", NO_ANSWER, count=60)
        task = api.cluster.start("pve2", "qmstart", 100, 3)
        await asyncio.sleep(2000)
    assert said(seen) == ["api_lost", "api_regained", "task_started", "task_finished"]
    assert said(seen, task) == ["task_started", "task_finished"]


@in_virtual_time
async def test_an_api_that_does_not_answer_at_first_is_waited_for() -> None:
    api = FakeApi()
    api.disturb("GET", NO_ANSWER, count=10)
    async with following(api) as seen:
        await asyncio.sleep(1000)
        task = api.cluster.start("pve2", "qmstart", 100, 3)
        await asyncio.sleep(10)
    assert said(seen) == ["api_lost", "api_regained", "task_started", "task_finished"]
    assert said(seen, task) == ["task_started", "task_finished"]


@in_virtual_time
async def test_wrong_credentials_end_it_only_at_the_start() -> None:
    api = FakeApi()
    api.disturb("GET", ApiError("GET /nodes", 401, "authentication failure"), count=None)
    with pytest.raises(ApiError, match="authentication failure"):
        async with following(api):
            await asyncio.sleep(1)
    api = FakeApi()
    async with following(api) as seen:
        api.disturb("GET", ApiError("GET", 401, "authentication failure"), count=30)
        await asyncio.sleep(1000)
    assert said(seen) == ["api_lost", "api_regained"]
    assert "authentication failure" in seen[0]["message"]


@in_virtual_time
async def test_a_node_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(UsageError, match="there is no node 'pve9' in the cluster"):
        async with following(FakeApi(), nodes=["pve1", "pve9"]):
            await asyncio.sleep(1)


@in_virtual_time
async def test_a_node_that_joins_is_followed() -> None:
    api = FakeApi()
    gone = api.cluster.nodes.pop("pve3")
    async with following(api) as seen:
        await asyncio.sleep(10)
        api.cluster.nodes["pve3"] = gone
        task = api.cluster.start("pve3", "qmstart", 100, 3)
        await asyncio.sleep(120)
    assert said(seen, task) == ["task_started", "task_finished"]


@in_virtual_time
async def test_filters_choose_tasks_and_kinds() -> None:
    api = FakeApi()
    options: dict[str, Any] = {
        "nodes": ["pve1", "pve2"],
        "type": ["vzdump", "qmstart"],
        "vmid": 101,
        "user": "ansible",
        "status": ["failed"],
        "events": ["task_finished"],
    }
    async with following(api, **options) as seen:
        start = api.cluster.start
        wanted = start("pve1", "vzdump", 101, 3, exitstatus="job errors")
        start("pve1", "vzdump", 101, 3)
        start("pve3", "vzdump", 101, 3, exitstatus="job errors")
        start("pve1", "qmclone", 101, 3, exitstatus="job errors")
        start("pve1", "vzdump", 102, 3, exitstatus="job errors")
        start("pve1", "vzdump", 101, 3, exitstatus="job errors", user="root@pam")
        await asyncio.sleep(10)
    assert said(seen) == said(seen, wanted) == ["task_finished"]
    assert len(api.made("/log")) == 1


@in_virtual_time
async def test_a_failed_backup_names_the_guests_that_failed() -> None:
    api = FakeApi()
    log = [
        "INFO: Starting Backup of VM 101 (qemu)",
        "ERROR: Backup of VM 101 failed - VM is locked (backup)",
        "INFO: Starting Backup of VM 102 (qemu)",
        "INFO: Finished Backup of VM 102 (00:00:11)",
        "ERROR: Backup of VM 103 failed - no space left",
        *["INFO: more"] * 50,
        "TASK ERROR: job errors",
    ]
    async with following(api, log_lines=2) as seen:
        api.cluster.start("pve1", "vzdump", "", 3, exitstatus="job errors", log=log)
        await asyncio.sleep(10)
    assert seen[1]["vmids"] == [101, 103]
    assert seen[1]["task"]["log"][-1] == "TASK ERROR: job errors"


@in_virtual_time
async def test_progress_is_read_if_wanted_and_reported_when_it_changes() -> None:
    api = FakeApi()
    async with following(api, events=["task_progress", "task_finished"], type=["vzdump"]) as seen:
        log: list[str] = []
        api.cluster.start("pve1", "vzdump", 101, 20, log=log)
        api.cluster.start("pve1", "qmstart", 101, 20)
        for percent in (5, 5, 40):
            await asyncio.sleep(4)
            log.append(f"INFO:  {percent}% (6.0 MiB of 128.0 MiB) in 3s, read: 1 MiB/s")
        await asyncio.sleep(20)
    assert said(seen) == ["task_progress", "task_progress", "task_finished"]
    assert [event["task"]["progress"] for event in seen] == [5.0, 40.0, 100.0]
    assert seen[0]["id"].endswith(":task_progress:5")
    assert len({call.path for call in api.made("/log")}) == 1


@in_virtual_time
async def test_hidden_tasks_are_said_to_be_hidden() -> None:
    api = FakeApi(hides_running=True)
    async with following(api) as seen:
        pass
    assert said(seen) == ["tasks_hidden"]
    assert "grant it Sys.Audit" in seen[0]["message"]


@in_virtual_time
async def test_a_quiet_round_is_one_request_a_node() -> None:
    api = FakeApi()
    async with following(api):
        await asyncio.sleep(5)
        before = len(api.calls)
        await asyncio.sleep(20)
        assert 57 <= len(api.calls) - before <= 63


@in_virtual_time
async def test_a_slow_taker_makes_the_polls_wait() -> None:
    api = FakeApi()
    async with following(api, slow=1.0) as seen:
        for number in range(500):
            api.cluster.start("pve1", "qmstart", 100 + number, 1)
        await asyncio.sleep(200)
        polls = len(api.made("GET /nodes/pve1/tasks"))
        assert len(seen) < 250
        assert polls < 5
        await asyncio.sleep(900)
    assert len(seen) == 1000
    assert len({event["id"] for event in seen}) == 1000


@in_virtual_time
async def test_a_cursor_is_used_by_one_at_a_time_and_has_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cursor"
    file = CursorFile(str(path))
    with pytest.raises(UsageError, match="in use by another process"):
        CursorFile(str(path))
    for text in ("", "[]", '{"version": 2}', '{"version": 1, "nodes": {"pve1": {"ended": ["x"]}}}',
                 '{"version": 1, "nodes": {"pve1": {"endtime": "x"}}}'):  # fmt: skip
        path.write_text(text)
        with pytest.raises(UsageError, match="is not a cursor file"):
            file.load()
    file.close()
    with pytest.raises(UsageError, match="cannot be written"):
        CursorFile("/proc/nosuch/cursor")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"events": ["nosuch"]}, "events: 'nosuch' is not one of task_started"),
        ({"interval": 0}, "interval: 0 is not from 0.2 to 3600"),
        ({"log_lines": -1}, "log_lines: -1 is not from"),
        ({"since": "yesterday"}, "since: 'yesterday' is neither"),
        ({"status": ["good"]}, "status: 'good' is not one of"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        EventQuery.from_options(options)


@in_virtual_time
async def test_the_time_of_an_event_is_that_of_the_node() -> None:
    api = FakeApi()
    api.cluster.skews = {"pve2": 600}
    async with following(api) as seen:
        api.cluster.start("pve2", "qmstart", 100, 3)
        await asyncio.sleep(10)
    assert EPOCH == 1_800_000_000
    assert [event["time"] for event in seen] == ["2027-01-15T08:10:00Z", "2027-01-15T08:10:03Z"]
