# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a backup, and that a storage really has it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.scheduler import Result
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import guest_job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.scheduled import Run
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

FILE = "vzdump-qemu-100-2026_11_21-12_49_06.vma.gz"
ROW = {
    "volid": f"nfs:backup/{FILE}",
    "vmid": 100,
    "content": "backup",
    "subtype": "qemu",
    "format": "vma.gz",
    "ctime": 1795265346,
    "size": 134_000_000,
}
LOG = [
    "INFO: starting new backup job: vzdump 100 --mode stop --storage nfs --node pve1",
    "INFO: Starting Backup of VM 100 (qemu)",
    "INFO: backup mode: stop",
    f"INFO: creating vzdump archive '/mnt/pve/nfs/dump/{FILE}'",
    "INFO: transferred 128.00 MiB in 11 seconds (11.6 MiB/s)",
    "INFO: archive file size: 128MB",
    "INFO: Finished Backup of VM 100 (00:00:23)",
    "INFO: Backup finished at 2026-11-21 12:49:29",
    "INFO: Backup job finished successfully",
]
FAILED = [
    *LOG[:3],
    "ERROR: Backup of VM 100 failed - no space left on device",
    "INFO: Failed at 2026-11-21 12:49:29",
    "INFO: Backup job finished with errors",
]


def backed_up(
    log: list[str], exitstatus: str = "OK", *, content: Any = None, **params: Any
) -> Result:
    """The result of a backup whose task ends so; ``content`` answers in place of the storage."""
    found: list[Any] = []

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.cluster.add(100, name="app1")
        run.api.cluster.backups = {"local": [], "nfs": [ROW]}
        job = guest_job(OPERATIONS["backup"], Guest(100, "qemu", "pve1", "app1"), params, None)
        task = run.api.cluster.start(
            "pve1", "vzdump", "100", 5.0, run.api.authid, exitstatus=exitstatus, log=log
        )
        run.api.disturb("POST .*/vzdump", Answer(str(task.upid)))
        if content is not None:
            run.api.disturb("GET .*/content", content)
        found.append(await run.one(job))

    scenario()
    result: Result = found[0]
    assert result.task is not None
    return result


@pytest.mark.parametrize("params", [{"storage": "nfs"}, {}])
@pytest.mark.parametrize("log", [LOG, [LOG[0].replace("--storage nfs ", ""), *LOG[1:]]])
def test_the_values_are_those_of_the_log_and_of_the_storage(
    params: dict[str, Any], log: list[str]
) -> None:
    result = backed_up(log, **params)
    assert result.outcome is Outcome.OK
    assert result.task is not None
    assert result.task.details == {
        "archive": ROW["volid"],
        "storage": "nfs",
        "created": "2026-11-21T12:49:06Z",
        "size": 134_000_000,
        "mode": "stop",
        "duration": 23,
        "transferred": 128 << 20,
        "speed": int(11.6 * (1 << 20)),
        "errors": [],
    }


def test_an_archive_that_the_storage_does_not_have_is_no_backup() -> None:
    result = backed_up(LOG, storage="local")
    assert result.outcome is Outcome.FAILED
    assert result.task is not None
    assert result.task.note == f"{FILE} is not in the content of the storage"


def test_a_storage_that_does_not_answer_leaves_it_open() -> None:
    refused = ApiError("GET /content", 403, "Permission check failed (/storage/nfs)")
    result = backed_up(LOG, content=refused, storage="nfs")
    assert result.outcome is Outcome.WARNINGS
    assert result.task is not None
    assert str(result.task.note).startswith("what it did could not be checked: ")
    assert result.task.details["duration"] == 23


def test_an_error_after_the_archive_is_told_with_the_rest() -> None:
    result = backed_up([*LOG, "ERROR: could not notify via target `mail`"], storage="nfs")
    assert result.outcome is Outcome.WARNINGS
    assert result.task is not None
    assert result.task.details["archive"] == ROW["volid"]
    assert result.task.details["errors"] == ["could not notify via target `mail`"]


def test_the_errors_of_a_failed_backup_are_told() -> None:
    result = backed_up(FAILED, "job errors", storage="nfs")
    assert result.outcome is Outcome.FAILED
    assert result.task is not None
    assert result.task.details["errors"] == ["Backup of VM 100 failed - no space left on device"]
    assert result.task.details["archive"] is None
