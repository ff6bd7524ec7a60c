# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that end well, and what they have really done; logs as a real cluster wrote them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import (
    guest_job,
    place_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.scheduled import Run
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

VM = Guest(100, "qemu", "pve1", "app1", "stopped")
SAVED = [
    "INFO: starting new backup job: vzdump 100 --storage local",
    "INFO: Starting Backup of VM 100 (qemu)",
    "INFO: transferred 128.00 MiB in 11 seconds (11.6 MiB/s)",
    "INFO: Finished Backup of VM 100 (00:00:11)",
    "INFO: Backup job finished successfully",
]


def ends(job: Job, log: list[str], exitstatus: str = "OK") -> tuple[Outcome, str | None, bool]:
    """What becomes of a job whose task ends so; the outcome, why, and whether it is a change."""
    found: list[Any] = []

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.cluster.add(100, name="app1")
        run.api.cluster.add(101, node="pve2", name="app2")
        task = run.api.cluster.start(
            "pve1",
            job.task_type,
            job.task_id or "",
            5.0,
            run.api.authid,
            exitstatus=exitstatus,
            log=[*log, f"TASK {exitstatus}"],
        )
        run.api.disturb("(POST|PUT|DELETE) ", Answer(str(task.upid)))
        [found[:]] = [await run(job)]

    scenario()
    [result] = found
    assert result.task is not None
    return result.outcome, result.task.note, result.changed


def test_a_backup_that_has_finished_is_one() -> None:
    job = guest_job(OPERATIONS["backup"], VM, {"storage": "local"}, None)
    assert ends(job, SAVED) == (Outcome.OK, None, True)


def test_a_container_is_a_vm_in_the_log_of_its_backup() -> None:
    """Recorded: Starting Backup of VM 3201 (lxc), Finished Backup of VM 3201."""
    job = guest_job(OPERATIONS["backup"], Guest(100, "lxc", "pve1", "ct"), {}, None)
    assert ends(job, SAVED) == (Outcome.OK, None, True)


def test_an_error_beside_a_backup_is_told() -> None:
    job = guest_job(OPERATIONS["backup"], VM, {"storage": "local"}, None)
    outcome, why, changed = ends(job, [*SAVED, "ERROR: could not notify via target `mail`"])
    assert (outcome, changed) == (Outcome.WARNINGS, True)
    assert why == "errors in the log of the backup: could not notify via target `mail`"


def test_a_task_that_says_nothing_of_a_backup_is_none() -> None:
    job = guest_job(OPERATIONS["backup"], VM, {"storage": "local"}, None)
    log = [*SAVED[:2], "ERROR: Backup of VM 100 failed - no space left"]
    outcome, why, _changed = ends(job, log)
    assert outcome is Outcome.FAILED
    assert why is not None
    assert why.endswith("Backup of VM 100 failed - no space left")


def test_a_failed_backup_keeps_its_own_words() -> None:
    job = guest_job(OPERATIONS["backup"], VM, {"storage": "local"}, None)
    assert ends(job, SAVED[:2], "job errors")[:2] == (Outcome.FAILED, None)


def test_guests_that_a_bulk_start_of_a_node_hides_are_found_in_its_log() -> None:
    """Recorded: startall ends OK, with this line in its log alone."""
    job = place_job(OPERATIONS["start_all"], "pve1", None, {}, None)
    line = "Starting VM 3154 failed: start failed: QEMU exited with code 1"
    assert ends(job, ["Starting VM 3150", "Starting VM 3154", line]) == (
        Outcome.FAILED,
        f"some guests failed: {line}",
        True,
    )
    assert ends(job, ["Starting VM 3150"]) == (Outcome.OK, None, True)


@pytest.mark.parametrize(
    ("operation", "vms", "ignored"),
    [
        ("start_all", "100,101,999", "101, 999"),  # a node knows no guests of others
        ("bulk_start", [100, 101], None),
        ("bulk_start", [100, 999], "999"),
        ("bulk_shutdown", "999;998", "999, 998"),
        ("bulk_suspend", None, None),
    ],
)
def test_vmids_that_a_bulk_action_leaves_out_without_a_word(
    operation: str, vms: Any, ignored: str | None
) -> None:
    job = place_job(OPERATIONS[operation], "pve1", None, {"vms": vms}, None)
    outcome, why, changed = ends(job, ["Starting guests: 100"])
    assert changed
    if ignored is None:
        assert (outcome, why) == (Outcome.OK, None)
    else:
        assert outcome is Outcome.FAILED
        assert why == f"it left out what is no guest, or a template: {ignored}"


@pytest.mark.parametrize(
    ("asked", "after", "outcome"),
    [(1, 20.0, Outcome.OK), (1, None, Outcome.FAILED), (0, None, Outcome.OK)],
)
def test_a_guest_that_was_to_be_started_too_runs_in_the_end(
    asked: int, after: float | None, outcome: Outcome
) -> None:
    """The task of a rollback or creation does not wait for the start that it begins."""

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        guest = run.api.cluster.add(100, name="app1")
        job = guest_job(OPERATIONS["rollback"], VM, {"snapname": "a1", "start": asked}, None)
        task = run.api.cluster.start("pve1", "qmrollback", 100, 5.0, run.api.authid)
        run.api.disturb("POST ", Answer(str(task.upid)))
        if after is not None:
            asyncio.get_running_loop().call_later(after, setattr, guest, "status", "running")
        [result] = await run(job)
        assert result.outcome is outcome
        assert result.changed

    scenario()


def test_a_backup_of_a_guest_that_has_moved_is_no_success() -> None:
    """Recorded: for a guest of another node the answer is OK, and nothing happens."""

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.cluster.add(100, name="app1")
        run.api.disturb("POST .*/vzdump", Answer("OK"))
        [result] = await run(guest_job(OPERATIONS["backup"], VM, {"storage": "local"}, None))
        assert result.outcome is Outcome.FAILED
        assert result.message == "pve1 found nothing to do: it has no such guest"
        assert not result.changed

    scenario()


def test_a_change_that_was_done_while_we_waited_needs_no_task() -> None:
    """Recorded: with background_delay the answer is null when it was done in time."""

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.cluster.add(100, name="app1")
        run.api.disturb("POST .*/config", Answer(None))
        params = {"description": "d4", "background_delay": 5}
        [result] = await run(guest_job(OPERATIONS["configure"], VM, params, None))
        assert (result.outcome, result.changed, result.tasks) == (Outcome.OK, True, ())

    scenario()


def test_what_cannot_be_checked_is_a_warning() -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        job = place_job(OPERATIONS["bulk_start"], "pve1", None, {"vms": [100]}, None)
        task = run.api.cluster.start("pve1", "bulk-start", "", 5.0, run.api.authid)
        run.api.disturb("POST ", Answer(str(task.upid)))
        run.api.disturb("GET /cluster/resources", ApiError("GET", 403, "no"), count=None)
        [result] = await run(job)
        assert result.outcome is Outcome.WARNINGS
        assert result.task is not None
        assert "could not be checked" in str(result.task.note)

    scenario()
