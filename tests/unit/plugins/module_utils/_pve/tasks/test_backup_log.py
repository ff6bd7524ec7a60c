# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logs of backups; most were recorded on a real Proxmox VE 9.2, by the number of the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.backup_log import (
    BackupLog,
    GuestBackup,
    read_backup_log,
)

MIB = 1 << 20
RECORDINGS = Path(__file__).parents[4] / "simulator/data/recordings2.jsonl"


def recorded(number: int) -> BackupLog:
    for line in RECORDINGS.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["n"] == number:
            rows = record["response"]["body"]["data"]
            return read_backup_log([row["t"] for row in rows])
    raise LookupError(number)


def archive(kind: str, vmid: int, at: str, ending: str) -> str:
    return f"vzdump-{kind}-{vmid}-2026_11_21-{at}.{ending}"


@pytest.mark.parametrize(
    ("number", "backup"),
    [
        (
            2204,  # a container that does not run
            GuestBackup(
                3201,
                "lxc",
                "stop",
                archive("lxc", 3201, "12_48_07", "tar.zst"),
                0,
                2447360,
                260 * MIB,
            ),
        ),
        (
            2210,  # one whose disks have no snapshots: it is suspended instead
            GuestBackup(
                3201,
                "lxc",
                "suspend",
                archive("lxc", 3201, "12_48_09", "tar.zst"),
                0,
                2447360,
                302 * MIB,
            ),
        ),
        (
            2249,  # a VM that took less than a second, after a wait for the lock of the node
            GuestBackup(
                3102,
                "qemu",
                "stop",
                archive("qemu", 3102, "12_48_30", "vma.zst"),
                2,
                64 * MIB,
            ),
        ),
        (
            2305,
            GuestBackup(
                3101,
                "qemu",
                "stop",
                archive("qemu", 3101, "12_49_06", "vma.gz"),
                23,
                128 * MIB,
                int(11.6 * MIB),
            ),
        ),
        (
            2284,
            GuestBackup(
                3101,
                "qemu",
                errors=(
                    (
                        "Backup of VM 3101 failed - can't lock file '/var/lock/qemu-server/lock-"
                        "3101.conf' - got timeout"
                    ),
                ),
            ),
        ),
        (
            2411,
            GuestBackup(3201, "lxc", errors=("Backup of VM 3201 failed - CT is locked (backup)",)),
        ),
        (2419, GuestBackup(3101, "qemu", "snapshot", archive("qemu", 3101, "12_49_44", "vma"))),
        (
            4065,
            GuestBackup(
                3154,
                "qemu",
                "stop",
                archive("qemu", 3154, "13_18_47", "vma"),
                errors=(
                    "start failed: QEMU exited with code 1",
                    "VM 3154 not running",
                    "Backup of VM 3154 failed - start failed: QEMU exited with code 1",
                ),
                warnings=("no physical CD-ROM available, ignoring",),
            ),
        ),
    ],
)
def test_a_recorded_log(number: int, backup: GuestBackup) -> None:
    log = recorded(number)
    assert log == BackupLog("local", (backup,), named=(backup.vmid,))
    assert log.of(backup.vmid) == backup
    assert backup.finished is (number in (2204, 2210, 2249, 2305))


def test_a_job_that_still_waits_has_no_guest() -> None:
    assert recorded(2358) == BackupLog(None, ())
    assert recorded(2358).of(3102) is None


def test_several_guests_in_one_task_and_an_error_of_none_of_them() -> None:
    log = read_backup_log(
        [
            "INFO: starting new backup job: vzdump 100 200 --storage pbs --mode snapshot",
            "INFO: Starting Backup of VM 100 (qemu)",
            "INFO: creating Proxmox Backup Server archive 'vm/100/2026-11-21T12:48:07Z'",
            "INFO: transferred 1.50 GiB in 90 seconds (17.1 MiB/s)",
            "INFO: Finished Backup of VM 100 (01:01:30)",
            "INFO: Backup finished at 2026-11-21 12:49:37",
            "INFO: Starting Backup of VM 200 (lxc)",
            "ERROR: Backup of VM 200 failed - no space left on device",
            "INFO: Failed at 2026-11-21 12:49:38",
            "INFO: Backup job finished with errors",
            "ERROR: could not notify via target `mail`",
            "TASK ERROR: job errors",
        ]
    )
    first, second = log.guests
    assert log.named == (100, 200)
    assert (log.storage, log.errors) == ("pbs", ("could not notify via target `mail`",))
    assert first.archive == "vm/100/2026-11-21T12:48:07Z"
    assert (first.seconds, first.transferred) == (3690, 1536 * MIB)
    assert second.errors == ("Backup of VM 200 failed - no space left on device",)


def test_the_end_of_another_guest_is_not_its_own() -> None:
    log = read_backup_log(
        ["INFO: Starting Backup of VM 100 (qemu)", "INFO: Finished Backup of VM 1000 (00:00:01)"]
    )
    assert log.guests == (GuestBackup(100, "qemu"),)


def test_a_figure_that_is_none_is_left_out() -> None:
    log = read_backup_log(
        [
            "INFO: Starting Backup of VM 100 (qemu)",
            "INFO: transferred 1.2.3 MiB in 2 seconds (7 lightyears/s)",
        ]
    )
    assert log.guests == (GuestBackup(100, "qemu"),)
