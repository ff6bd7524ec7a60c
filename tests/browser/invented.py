# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An invented history that looks like that of a real cluster, the same for the same number."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.upid.proxmox.tests.unit.reported import (
    NEW_YEAR,
    backup,
    failed,
    running,
    task,
)

DAY = 86400
# The type, how often it is, and how many seconds it takes as a rule.
KINDS = (
    ("vzdump", 5, 600),
    ("qmstart", 3, 4),
    ("qmclone", 3, 90),
    ("qmigrate", 2, 45),
    ("qmstop", 2, 5),
    ("qmsnapshot", 2, 8),
    ("qmrestore", 1, 300),
    ("vzcreate", 1, 20),
    ("aptupdate", 1, 12),
    ("qmdestroy", 1, 3),
)
USERS = ("root@pam", "ansible@pve!ci", "alice@pam")
WHY = (
    "storage 'nfs-backup' is not online",
    "command '/usr/bin/ssh -o BatchMode=yes' failed: exit code 255",
    "VM 117 qmp command 'query-backup' failed - got timeout",
    "can't lock file '/var/lock/qemu-server/lock-105.conf' - got timeout",
)


def history(number: int, days: int, guests: int = 36) -> list[dict[str, Any]]:
    """This many tasks that ended, three that run and a backup job that failed, newest first."""
    chance = random.Random(number)
    tasks = [_task(index, days, guests, chance) for index in range(number)]
    for index, kind in enumerate(("vzdump", "qmigrate", "qmclone")):
        log = (f"INFO:  {20 * index + 20}% (1.2 GiB of 32.0 GiB)",)
        values = {"vmid": str(101 + index), "node": f"pve{index + 1}"}
        started = NEW_YEAR - 300 * (index + 1)
        tasks.append(running(number + index, kind=kind, started=started, log=log, **values))
    job = failed(
        number + 9,
        kind="vzdump",
        vmid="",
        node="pve2",
        user="root@pam",
        started=NEW_YEAR - 3600,
        seconds=1500,
        log=(
            "INFO: starting new backup job: vzdump 101 105 117 --storage nfs-backup",
            f"ERROR: Backup of VM 117 failed - {WHY[2]}",
            "INFO: Backup job finished with errors",
            "TASK ERROR: job errors",
        ),
    )
    job["guests"] = [backup(101), backup(105), backup(117, "failed", WHY[2])]
    return sorted([*tasks, job], key=lambda one: str(one["started"]), reverse=True)


def _task(index: int, days: int, guests: int, chance: random.Random) -> dict[str, Any]:
    kind, _often, seconds = chance.choices(KINDS, [often for _kind, often, _seconds in KINDS])[0]
    guest = chance.randrange(guests)
    started = NEW_YEAR - DAY // 12 - int(chance.random() * (days * DAY - DAY // 12))
    if kind == "vzdump":  # at night
        started += 2 * 3600 + chance.randrange(3600) - started % DAY
        started -= DAY if started >= NEW_YEAR - DAY // 12 else 0
    values: dict[str, Any] = {
        "kind": kind,
        "vmid": "" if kind == "aptupdate" else str(100 + guest),
        "node": f"pve{guest % 4 + 1}",
        "user": "backup@pve!nightly" if kind == "vzdump" else chance.choice(USERS),
        "started": started,
        "seconds": max(1, int(chance.lognormvariate(0, 0.7) * seconds)),
    }
    luck = chance.random()
    if luck < 0.04:
        why = chance.choice(WHY)
        return failed(index, why, log=("INFO: it begins", f"TASK ERROR: {why}"), **values)
    if luck < 0.06:
        return task(
            index, "warnings", "WARNINGS: 1", log=("WARN: old", "TASK WARNINGS: 1"), **values
        )
    if luck < 0.065:
        return task(index, "cancelled", "interrupted by signal", **values)
    return task(index, **values)
