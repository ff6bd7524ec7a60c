# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks as a report gets them."""

from __future__ import annotations

from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.explained import (
    explained_values,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

# 2026-01-01T00:00:00Z
NEW_YEAR = 1767225600
HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e'\"`|=1+1"


def task(
    number: int = 0,
    outcome: str = "ok",
    exitstatus: str | None = "OK",
    *,
    node: str = "pve1",
    kind: str = "qmclone",
    vmid: str = "100",
    user: str = "root@pam",
    started: int = NEW_YEAR,
    seconds: int | None = 60,
    log: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A task as the modules return it; each ``number`` is another one."""
    upid = f"UPID:{node}:{number:08X}:0000ABCD:{started:08X}:{kind}:{vmid}:{user}:"
    ended = None if seconds is None else started + seconds
    return explained_values(Task(Upid.parse(upid), Outcome(outcome), exitstatus, ended, log))


def running(number: int = 0, **values: Any) -> dict[str, Any]:
    """A task that runs."""
    return task(number, "running", None, seconds=None, **values)


def failed(number: int = 0, exitstatus: str = "job errors", **values: Any) -> dict[str, Any]:
    """A task that failed."""
    return task(number, "failed", exitstatus, **values)


def backup(vmid: int, outcome: str = "ok", error: str | None = None) -> dict[str, Any]:
    """A guest of a backup job, as the modules return it."""
    return {
        "vmid": vmid,
        "type": "qemu",
        "outcome": outcome,
        "duration": 42,
        "archive": None,
        "errors": [] if error is None else [error],
        "warnings": [],
    }
