# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.stopping import stop_task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


async def stop(api: FakeApi, task: FakeTask, **options: Any) -> tuple[Task, bool]:
    watcher = Watcher(api, node_timeout=60)
    try:
        return await stop_task(api, watcher, task.upid, **options)
    finally:
        await watcher.close()


@in_virtual_time
async def test_a_running_task_is_stopped_and_seen_to_its_end() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    ended, accepted = await stop(api, task)
    assert (ended.outcome, ended.exitstatus, accepted) == (
        Outcome.CANCELLED,
        "received interrupt",
        True,
    )
    assert len(api.made("DELETE")) == 1


@in_virtual_time
async def test_a_task_that_was_faster_keeps_its_outcome() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 5, started=-60)
    ended, _accepted = await stop(api, task)
    assert ended.outcome is Outcome.OK


@in_virtual_time
async def test_a_killed_task_leaves_no_status_and_counts_as_cancelled() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3, exitstatus="unexpected status")
    api.disturb("DELETE", 5.0, after=True)
    ended, _accepted = await stop(api, task)
    assert ended.outcome is Outcome.CANCELLED


@in_virtual_time
async def test_a_stop_without_an_answer_is_sent_again() -> None:
    """It is idempotent; whether the first was carried out makes no difference."""
    for carried_out in (False, True):
        api = FakeApi()
        task = api.cluster.start("pve1", "qmclone", 9000)
        api.disturb("DELETE", NoAnswerError("DELETE", "reset", sent=True), after=carried_out)
        ended, accepted = await stop(api, task)
        assert (ended.outcome, accepted) == (Outcome.CANCELLED, True)
        assert len(api.made("DELETE")) == 2


@in_virtual_time
async def test_a_stop_is_sent_again_while_the_cluster_file_system_is_away() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    away = "RPCEnvironment init request failed: Unable to load access control list"
    api.disturb("DELETE", ApiError("DELETE", 500, away), count=2)
    ended, accepted = await stop(api, task)
    assert (ended.outcome, accepted) == (Outcome.CANCELLED, True)


@in_virtual_time
async def test_sending_the_stop_again_ends_with_the_time_for_it() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    api.disturb("DELETE", 25.0, count=None)
    ended, _accepted = await stop(api, task, timeout=10.0)
    assert ended.outcome is Outcome.TIMED_OUT
    assert now() < 13


@in_virtual_time
async def test_a_refused_stop_has_its_reason_and_does_not_wait() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    api.disturb(
        "DELETE", ApiError("DELETE", 403, "Permission check failed (/nodes/pve1, Sys.Modify)")
    )
    ended, accepted = await stop(api, task)
    assert (ended.outcome, accepted) == (Outcome.TIMED_OUT, False)
    assert "Sys.Modify on /nodes/pve1" in (ended.note or "")
    assert now() < 1


@in_virtual_time
async def test_a_task_that_ignores_the_signal_is_not_called_stopped() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmrestore", 100)
    api.disturb("DELETE", NoAnswerError("DELETE", "596", sent=True), count=None)
    ended, _accepted = await stop(api, task, timeout=30.0)
    assert ended.outcome is Outcome.TIMED_OUT
    assert task.running


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_task_is_lost(known: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "qmclone", 9000)
        if not known:
            api.cluster.tasks.clear()
        ended, accepted = await stop(api, task)
        assert ended.outcome is (Outcome.CANCELLED if known else Outcome.LOST)
        assert accepted is known

    scenario()
