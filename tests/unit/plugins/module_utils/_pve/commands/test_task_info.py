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
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.headline import headline
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


async def look(api: FakeApi, *tasks: FakeTask, **options: Any) -> Report:
    if tasks:
        options["upids"] = [str(task.upid) for task in tasks]
    return await run_command("task_info", api, **options)


def briefly(report: Report) -> list[tuple[Any, ...]]:
    return [(task["node"], task["outcome"]) for task in report.values["tasks"]]


@in_virtual_time
async def test_tasks_are_read_by_upid_with_progress_log_and_end() -> None:
    api = FakeApi()
    running = api.cluster.start(
        "pve1", "qmclone", 9000, log=["transferred 1 GiB of 2 GiB (50.00%)"]
    )
    ended = api.cluster.start(
        "pve2", "qmstart", 100, 3, started=-60, exitstatus="no memory",
        log=["starting", "TASK ERROR: no memory"],
    )  # fmt: skip
    first, second = (await look(api, running, ended)).values["tasks"]
    assert (first["outcome"], first["progress"], first["ended"]) == ("running", 50.0, None)
    assert (second["outcome"], second["exitstatus"], second["duration"]) == (
        "failed",
        "no memory",
        3,
    )
    assert second["log"] == ["starting", "TASK ERROR: no memory"]


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_as_many_lines_as_requested(lines: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "qmstart", 100, 3, started=-60, log=["a", "b", "TASK OK"])
        report = await look(api, task, log_lines=lines)
        assert report.values["tasks"][0]["log"] == ["a", "b", "TASK OK"][3 - lines :]

    scenario()


@in_virtual_time
async def test_an_unknown_task_is_lost_and_no_error() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmstart", 100, 3)
    api.cluster.tasks.clear()
    report = await look(api, task)
    assert briefly(report) == [("pve1", "lost")]
    assert (report.problem, report.changed) == (None, False)


@in_virtual_time
async def test_a_right_that_is_missing_is_an_error_that_names_it() -> None:
    api = FakeApi()
    text = "Permission check failed (/nodes/pve1, Sys.Audit)"
    api.disturb("status", ApiError("GET status", 403, text))
    with pytest.raises(ApiError, match=r"Sys\.Audit on /nodes/pve1"):
        await look(api, api.cluster.start("pve1", "qmstart", 100, 3))


@in_virtual_time
async def test_the_glued_end_of_a_log_is_believed() -> None:
    api = FakeApi()
    task = api.cluster.start(
        "pve1", "qmstart", 100, 3, started=-60, exitstatus="unexpected status", log=["10%TASK OK"]
    )
    assert briefly(await look(api, task)) == [("pve1", "ok")]


@in_virtual_time
async def test_the_lists_of_all_nodes_are_filtered() -> None:
    api = FakeApi()
    for node, ago in (("pve1", 60), ("pve2", 50), ("pve3", 40)):
        api.cluster.start(node, "qmstart", 100, 3, started=-ago)
    api.cluster.start("pve1", "qmclone", 9000)
    assert briefly(await look(api)) == [
        ("pve1", "running"),
        ("pve3", "ok"),
        ("pve2", "ok"),
        ("pve1", "ok"),
    ]
    assert briefly(await look(api, nodes=["pve1"], type=["qmstart"])) == [("pve1", "ok")]
    assert briefly(await look(api, running=True)) == [("pve1", "running")]
    assert len(briefly(await look(api, limit=2))) == 2
    assert len(briefly(await look(api, since="55s"))) == 3


@in_virtual_time
async def test_a_node_that_does_not_answer_is_a_warning() -> None:
    api = FakeApi()
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    api.cluster.down.add("pve2")
    warned: list[str] = []
    assert briefly(await look(api, warned=warned)) == [("pve1", "ok")]
    assert len(warned) == 1
    assert "tasks of node pve2 are missing" in warned[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": ["nosuch"]}, "there is no node 'nosuch'"),
        ({"since": "yesterday"}, "since: 'yesterday'"),
        ({"limit": -5}, "limit: -5"),
    ],
)
def test_invalid_values_are_refused(options: dict[str, Any], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        with pytest.raises(UsageError, match=message):
            await look(FakeApi(), **options)

    scenario()


@in_virtual_time
async def test_nothing_is_changed_in_check_mode_or_without() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    assert briefly(await look(api, task, check=True)) == briefly(await look(api, task))
    assert {call.method for call in api.calls} == {"GET"}


@pytest.mark.parametrize("status", [401, None])
@pytest.mark.parametrize("nodes", [None, ["pve1"], ["pve1", "pve2"]])
def test_wrong_credentials_and_a_dead_api_are_failures(
    status: int | None, nodes: list[str] | None
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        error: Exception = NoAnswerError("GET", "pve1:8006: Connection refused", sent=False)
        if status:
            error = ApiError("GET", status, "authentication failure")
        api.disturb("GET", error, count=None)
        with pytest.raises(PveError, match=r"Connection refused|api_token_secret"):
            await look(api, nodes=nodes)

    scenario()


@in_virtual_time
async def test_a_node_that_does_not_answer_fails_the_call_if_requested() -> None:
    api = FakeApi()
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    api.cluster.down.add("pve2")
    report = await look(api, on_unreachable="fail")
    assert "tasks of node pve2 are missing" in (report.problem or "")
    assert briefly(report) == [("pve1", "ok")]
    assert list(report.values["unreachable_nodes"]) == ["pve2"]


@pytest.mark.parametrize(("limit", "warnings"), [(50, 1), (10, 0), (60, 0)])
def test_a_limit_that_cuts_off_tasks_is_reported(limit: int, warnings: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        for index in range(60):
            api.cluster.start("pve1", "qmstart", 100, 3, started=-60 - index)
        warned: list[str] = []
        report = await look(api, limit=limit, warned=warned)
        assert report.values["truncated"] is (limit < 60)
        assert report.values["more"] == 60 - limit
        more = f"; {60 - limit} more match than limit allows"
        assert headline(report, check=False).endswith(more) is (limit < 60)
        assert len(warned) == warnings

    scenario()


@in_virtual_time
async def test_a_silent_node_costs_only_its_own_tasks() -> None:
    api = FakeApi()
    here = api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    there = api.cluster.start("pve2", "qmstart", 100, 3, started=-60)
    api.disturb("/pve2/", NoAnswerError("GET status", "596", sent=True), count=None)
    warned: list[str] = []
    report = await look(api, there, here, warned=warned)
    assert briefly(report) == [("pve2", "lost"), ("pve1", "ok")]
    assert len(warned) == 1
    assert "596" in warned[0]


@pytest.mark.parametrize("data", [None, [], {"status": 7}])
def test_a_malformed_status_is_an_error_of_that_task(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        odd = api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
        fine = api.cluster.start("pve2", "qmstart", 100, 3, started=-60)
        api.disturb("/pve1/.*/status$", Answer(data), count=None)
        assert briefly(await look(api, odd, fine)) == [("pve1", "lost"), ("pve2", "ok")]
        with pytest.raises(NoAnswerError, match="malformed"):
            await look(api, odd)

    scenario()


@in_virtual_time
async def test_an_interruption_ends_the_reading_at_once() -> None:
    api = FakeApi()
    api.disturb("", 30.0, count=None)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(1, stop.set)
    assert (await look(api, stop=stop)).problem == "interrupted"
    assert now() < 1.1


def a_failed_job(api: FakeApi, filler: int = 3000) -> FakeTask:
    log = ["INFO: starting new backup job: vzdump 100 101 --storage pbs"]
    log += ["INFO: Starting Backup of VM 100 (qemu)", "ERROR: Backup of VM 100 failed - no space"]
    log += ["INFO: Failed at now", "INFO: Starting Backup of VM 101 (qemu)"]
    log += ["INFO:  10%"] * filler + ["INFO: Finished Backup of VM 101 (00:00:09)"]
    log += ["INFO: Backup finished at now", "TASK ERROR: job errors"]
    return api.cluster.start("pve1", "vzdump", "", 9, started=-60, exitstatus="job errors", log=log)


@pytest.mark.parametrize("by_upid", [True, False])
def test_why_last_nights_backup_failed(by_upid: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        job = a_failed_job(api)
        report = await (look(api, job) if by_upid else look(api, vmid=100, since="12h"))
        [task] = report.values["tasks"]
        assert task["errors"] == ["ERROR: Backup of VM 100 failed - no space"]
        assert [(one["vmid"], one["outcome"]) for one in task["guests"]] == [
            (100, "failed"),
            (101, "ok"),
        ]
        assert task["log_complete"]
        assert len(task["log"]) == 21
        line = "1 task: 1 failed (Backup Job: Backup of VM 100 failed - no space)"
        assert headline(report, check=False) == line

    scenario()


@in_virtual_time
async def test_the_search_for_errors_is_bounded_and_says_where_it_ended() -> None:
    api = FakeApi()
    for _one in range(20):
        a_failed_job(api, filler=25_000)
    warned: list[str] = []
    report = await look(api, warned=warned)
    assert {task["log_complete"] for task in report.values["tasks"]} == {False}
    assert {task["log"][-1] for task in report.values["tasks"]} == {"TASK ERROR: job errors"}
    assert "the logs of 20 of 20 tasks are too long to be searched" in warned[0]
    assert len(api.made("/log$")) <= 200 + 2 * 20


@in_virtual_time
async def test_a_task_that_went_well_has_no_errors_and_its_log_is_not_searched() -> None:
    api = FakeApi()
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    [task] = (await look(api)).values["tasks"]
    assert (task["errors"], task["guests"], task["log_complete"]) == ([], [], None)
    assert not api.made("/log$")
