# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup jobs of several guests, whose UPID names none of them."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import NoAnswerError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.backup_jobs import guests_of
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.backup_log import (
    read_backup_log,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.history import (
    TaskPage,
    TaskQuery,
    recent_tasks,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

NAMED = "INFO: starting new backup job: vzdump 100 101 200 --storage pbs --mode snapshot"
ALL = "INFO: starting new backup job: vzdump --all 1 --storage pbs --mode snapshot"
UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:vzdump::root@pam:")


def saved(*vmids: int, filler: int = 0) -> list[str]:
    """The part of a log about guests whose backups finished."""
    lines: list[str] = []
    for vmid in vmids:
        lines += [f"INFO: Starting Backup of VM {vmid} (qemu)", *["INFO:  10%"] * filler]
        lines += [f"INFO: Finished Backup of VM {vmid} (00:00:05)", "INFO: Backup finished at now"]
    return lines


def job(api: FakeApi, *log: str, ago: int = 100, node: str = "pve1", id_: object = "") -> FakeTask:
    return api.cluster.start(node, "vzdump", id_, 5, started=-ago, log=[*log, "TASK OK"])


async def history(api: FakeApi, **options: object) -> TaskPage:
    return await recent_tasks(api, None, TaskQuery.from_options(options))


def found(page: TaskPage, *jobs: FakeTask) -> bool:
    return [task.upid for task in page.tasks] == [one.upid for one in jobs]


@in_virtual_time
async def test_a_job_is_found_by_each_guest_that_it_saves() -> None:
    api = FakeApi()
    by_name = job(api, NAMED, "INFO: skip external VMs: 101", *saved(100, 200), ago=10)
    by_all = job(api, ALL, *saved(100, 101), ago=20, node="pve2")
    own = job(api, *saved(100), ago=30, id_=100)
    assert found(await history(api, vmid=100), by_name, by_all, own)
    assert found(await history(api, vmid=101), by_all)
    assert found(await history(api, vmid=200), by_name)
    assert found(await history(api, vmid=10))


@in_virtual_time
async def test_other_filters_apply_to_these_jobs_too() -> None:
    api = FakeApi()
    job(api, NAMED, *saved(100), ago=5000)
    recent = job(api, NAMED, *saved(100), ago=10)
    assert found(await history(api, vmid=100, since="1h"), recent)
    assert found(await history(api, vmid=100, status="failed"))
    assert found(await history(api, vmid=100, type="qmclone"))


@in_virtual_time
async def test_without_a_vmid_no_log_is_read() -> None:
    api = FakeApi()
    job(api, NAMED, *saved(100))
    await history(api, type="vzdump")
    assert not api.made("/log$")


@in_virtual_time
async def test_one_page_is_enough_where_the_call_names_its_guests() -> None:
    api = FakeApi()
    job(api, NAMED, *saved(100, 101, 200, filler=3000))
    assert found(await history(api, vmid=300))
    assert len(api.made("/log$")) == 1


@in_virtual_time
async def test_the_guest_of_a_long_job_is_found_far_down() -> None:
    api = FakeApi()
    long = job(api, ALL, *saved(*range(100, 110), filler=900))
    assert found(await history(api, vmid=109), long)
    assert len(api.made("/log$")) == 9


@in_virtual_time
async def test_the_search_is_bounded_and_says_what_it_left_out() -> None:
    api = FakeApi()
    for ago in range(130):
        job(api, ALL, *saved(100), ago=10 + ago)
    page = await history(api, vmid=999)
    assert len(api.made("/log$")) == 100
    assert page.unsearched == 30
    text = page.unsearched_in_words(999)
    assert text.startswith("30 backup jobs of several guests could not be searched for guest 999")


@in_virtual_time
async def test_jobs_that_are_older_than_all_that_is_listed_are_not_searched() -> None:
    api = FakeApi()
    for ago in range(3):
        api.cluster.start("pve1", "qmstart", 100, 3, started=-20 - ago)
    job(api, NAMED, *saved(100), ago=500)
    page = await history(api, vmid=100, limit=3)
    assert len(page.tasks) == 3
    assert not api.made("/log$")


@in_virtual_time
async def test_a_log_that_cannot_be_read_is_left_out_and_counted() -> None:
    api = FakeApi()
    job(api, NAMED, *saved(100))
    api.disturb("/log$", NoAnswerError("GET log", "596", sent=True), count=None)
    page = await history(api, vmid=100)
    assert (found(page), page.unsearched) == (True, 1)
    assert page.unsearched_in_words(100).startswith("1 backup job of several guests")


@pytest.mark.parametrize(
    ("outcome", "last"), [(Outcome.CANCELLED, "cancelled"), (Outcome.RUNNING, "queued")]
)
def test_every_guest_of_a_job_has_an_outcome(outcome: Outcome, last: str) -> None:
    log = read_backup_log(
        [
            "INFO: starting new backup job: vzdump 100 101 102 103 104 --storage pbs",
            *saved(100),
            "INFO: Starting Backup of VM 101 (qemu)",
            "WARN: no physical CD-ROM available, ignoring",
            "INFO: Finished Backup of VM 101 (00:01:00)",
            "INFO: Backup finished at now",
            "INFO: Starting Backup of VM 102 (lxc)",
            "ERROR: Backup of VM 102 failed - no space left on device",
            "INFO: Failed at now",
            "INFO: Starting Backup of VM 103 (qemu)",
        ]
    )
    values = guests_of(log, Task(UPID, outcome))
    outcomes = ["ok", "warnings", "failed", outcome.value, last]
    assert [one["vmid"] for one in values] == [100, 101, 102, 103, 104]
    assert [one["outcome"] for one in values] == outcomes
    assert values[1]["warnings"] == ["no physical CD-ROM available, ignoring"]
    assert values[2]["errors"] == ["Backup of VM 102 failed - no space left on device"]
