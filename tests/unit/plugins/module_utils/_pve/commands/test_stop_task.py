# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.command import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.upid import UpidError
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

FIRST_LINE = "creating a clone of VM 9000 with ID 301"


async def stop(api: FakeApi, *tasks: FakeTask | str, **options: Any) -> Report:
    upids = [task if isinstance(task, str) else str(task.upid) for task in tasks]
    return await run_command("stop_task", api, upids=upids, **options)


def outcomes(report: Report) -> list[str]:
    return [task["outcome"] for task in report.values["tasks"]]


@in_virtual_time
async def test_what_runs_is_stopped_and_what_has_ended_is_left_alone() -> None:
    api = FakeApi()
    running = api.cluster.start("pve1", "qmclone", 9000)
    ended = api.cluster.start("pve2", "qmstart", 100, 3, started=-60)
    report = await stop(api, ended, running)
    assert outcomes(report) == ["ok", "cancelled"]
    assert report.values["summary"] == {"cancelled": 1, "ok": 1, "total": 2}
    assert (report.changed, report.problem) == (True, None)
    assert [call.path.split("/")[4] for call in api.made("DELETE")] == [str(running.upid)]
    assert not running.running


@in_virtual_time
async def test_no_task_is_missing_when_left_overs_cannot_be_looked_for() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
    trouble = NoAnswerError("GET /cluster/resources", "596 Connection timed out", sent=True)
    api.disturb("GET /cluster/resources$", trouble, count=None)
    report = await stop(api, task)
    assert outcomes(report) == ["cancelled"]
    assert report.changed
    assert report.problem is not None
    assert "locks" in report.problem
    assert str(trouble) in report.problem


@in_virtual_time
async def test_the_same_call_again_changes_nothing() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    await stop(api, task)
    report = await stop(api, task)
    assert outcomes(report) == ["cancelled"]
    assert not report.changed
    assert len(api.made("DELETE")) == 1


@in_virtual_time
async def test_check_mode_stops_nothing() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    report = await stop(api, task, check=True)
    assert (outcomes(report), report.changed, report.problem) == (["running"], True, None)
    assert {call.method for call in api.calls} == {"GET"}


@in_virtual_time
async def test_a_stop_that_is_refused_names_the_right_and_the_task_runs_on() -> None:
    api = FakeApi()
    refused = api.cluster.start("pve1", "qmclone", 9000)
    other = api.cluster.start("pve2", "qmclone", 9000)
    text = "Permission check failed (/nodes/pve1, Sys.Modify)"
    api.disturb("DELETE /nodes/pve1", ApiError("DELETE", 403, text))
    report = await stop(api, refused, other)
    assert outcomes(report) == ["running", "cancelled"]
    assert report.problem is not None
    assert "1 of 2 tasks could not be stopped" in report.problem
    assert "Sys.Modify on /nodes/pve1" in report.problem


@in_virtual_time
async def test_a_task_that_does_not_end_is_told() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmrestore", 100)
    api.disturb("DELETE", NoAnswerError("DELETE", "596", sent=True))
    report = await stop(api, task, wait_timeout=30)
    assert outcomes(report) == ["timed_out"]
    assert report.problem is not None
    assert not report.changed
    assert 30 <= now() < 32


@in_virtual_time
async def test_a_task_that_nobody_knows_is_told() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    api.cluster.tasks.clear()
    report = await stop(api, task)
    assert outcomes(report) == ["lost"]
    assert report.problem is not None
    assert "knows no such task" in report.problem


@in_virtual_time
async def test_a_lock_that_is_left_behind_is_told_with_the_way_out() -> None:
    api = FakeApi()
    api.cluster.add(9000, name="tpl")
    api.cluster.add(301, lock="clone")
    api.cluster.add(302, lock="backup")
    task = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
    report = await stop(api, task)
    assert report.values["leftovers"] == [
        {"vmid": 301, "node": "pve1", "kind": "qemu", "lock": "clone", "command": "qm unlock 301"}
    ]


@in_virtual_time
async def test_a_container_s_source_may_stay_locked_too() -> None:
    api = FakeApi()
    api.cluster.add(9100, "lxc", hostname="tpl", lock="disk")
    task = api.cluster.start("pve1", "vzclone", 9100, log=["creating a clone"])
    report = await stop(api, task)
    commands = [leftover["command"] for leftover in report.values["leftovers"]]
    assert commands == ["pct unlock 9100"]


@in_virtual_time
async def test_without_a_lock_there_is_nothing_to_tell() -> None:
    api = FakeApi()
    api.cluster.add(100, name="app1", lock="backup")
    report = await stop(api, api.cluster.start("pve1", "qmstart", 100))
    assert report.values["leftovers"] == []
    assert not api.made("resources")


@pytest.mark.parametrize("bad", ["nonsense", "UPID:pve1:1:2:3:qmstart:100:root@pam:"])
def test_what_is_no_upid_is_refused_before_anything_is_stopped(bad: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        with pytest.raises(UpidError, match=r"^upids: "):
            await stop(api, api.cluster.start("pve1", "qmclone", 9000), bad)
        assert not api.calls

    scenario()
