# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.attempts import JobRun
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.follow_up import (
    follow,
    has_follow_up,
    request_for,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import guest_job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


class Managed:
    """A VM that HA manages, and a request that has been filed for it."""

    def __init__(self, asked: str = "hastart", status: str = "stopped") -> None:
        self.api = FakeApi()
        self.guest = self.api.cluster.add(301, name="app", status=status)
        self.asked = Task(self.api.cluster.start("pve1", asked, 301, 1).upid, Outcome.OK)
        guest = Guest(301, "qemu", "pve1", "app", status)
        start = guest_job(OPERATIONS["start"], guest, {}, 300)
        changes: dict[str, dict[str, Any]] = {
            "hastart": {},
            "hastop": {"task_type": "qmshutdown"},
            "hamigrate": {"task_type": "qmigrate", "params": {"target": "pve2"}},
            "qmreboot": {"task_type": "qmreboot"},
        }
        self.job: Job = replace(start, **changes[asked])

    def later(self, seconds: float, act: Callable[[], Any]) -> None:
        asyncio.get_running_loop().call_later(seconds, act)

    async def follow(self, timeout: float = 300.0) -> Task:
        watcher = Watcher(self.api, node_timeout=600)
        try:
            return await follow(
                self.api, watcher, JobRun(replace(self.job, timeout=timeout)), self.asked
            )
        finally:
            await watcher.close()


def test_requests_to_ha() -> None:
    assert [request_for(one) for one in ("qmstart", "vzshutdown", "qmstop", "vzmigrate")] == [
        "hastart", "hastop", "hastop", "hamigrate",
    ]  # fmt: skip
    assert request_for("qmclone") is None


@pytest.mark.parametrize(
    ("asked", "before", "after", "does"),
    [
        ("hastart", "stopped", "running", "qmstart"),
        ("hastop", "running", "stopped", "qmshutdown"),
        ("qmreboot", "stopped", "running", "qmstart"),
    ],
)
@in_virtual_time
async def test_the_task_that_did_it_counts(asked: str, before: str, after: str, does: str) -> None:
    managed = Managed(asked, before)
    assert has_follow_up(managed.asked.upid)

    def act() -> None:
        managed.api.cluster.start(
            "pve1", does, 301, 5, user="root@pam",
            at_end=lambda: setattr(managed.guest, "status", after),
        )  # fmt: skip

    managed.later(12, act)
    task = await managed.follow()
    assert (task.upid.type, task.outcome) == (does, Outcome.OK)
    assert now() < 25


@in_virtual_time
async def test_the_outcome_of_a_hidden_task_follows_from_the_state() -> None:
    managed = Managed()
    managed.later(12, lambda: setattr(managed.guest, "status", "running"))
    assert await managed.follow() == managed.asked


@in_virtual_time
async def test_a_migration_is_over_on_the_other_node() -> None:
    managed = Managed("hamigrate", "running")
    managed.later(12, lambda: setattr(managed.guest, "node", "pve2"))
    assert (await managed.follow()).outcome is Outcome.OK
    assert now() >= 12


@in_virtual_time
async def test_what_fails_in_the_hands_of_ha_has_failed() -> None:
    managed = Managed()
    managed.later(
        12, lambda: managed.api.cluster.start("pve1", "qmstart", 301, 5, exitstatus="no memory")
    )
    task = await managed.follow()
    assert (task.outcome, task.exitstatus) == (Outcome.FAILED, "no memory")


@in_virtual_time
async def test_an_error_of_ha_is_no_success() -> None:
    managed = Managed()
    answer = await managed.api.get(("cluster", "resources"))
    row = next(row for row in answer.data if row.get("vmid") == 301)
    row["hastate"] = "error"
    managed.api.disturb("resources", answer, count=None)
    task = await managed.follow()
    assert task.outcome is Outcome.FAILED
    assert "state error" in (task.note or "")


@in_virtual_time
async def test_ha_that_never_acts_is_given_up_at_the_deadline() -> None:
    managed = Managed()
    task = await managed.follow(timeout=60)
    assert task.outcome is Outcome.TIMED_OUT
    assert task.note == "HA 301 - Start succeeded, but did not take effect within 60 s"
    assert 60 <= now() < 65


@in_virtual_time
async def test_a_node_that_does_not_answer_for_a_while_is_retried() -> None:
    managed = Managed()
    managed.api.disturb("GET", NoAnswerError("GET", "595 No route", sent=False), count=20)
    managed.later(30, lambda: setattr(managed.guest, "status", "running"))
    assert (await managed.follow()).outcome is Outcome.OK


@in_virtual_time
async def test_without_the_privilege_the_answer_is_unknown() -> None:
    managed = Managed()
    refusal = ApiError("GET", 403, "Permission check failed (/vms/301, VM.Audit)")
    managed.api.disturb("status/current", refusal, count=None)
    task = await managed.follow()
    assert task.outcome is Outcome.LOST
    assert "VM.Audit" in (task.note or "")
