# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The diff of operation: what a guest is before and after, also in a plan."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("operation", "params", "before", "after"),
    [
        ("start", {}, "status: stopped", "status: running"),
        ("migrate", {"target": "pve2"}, "node: pve1", "node: pve2"),
        ("template", {}, "template: 0", "template: 1"),
        ("delete", {}, "guest: there", None),
        (
            "resize",
            {"disk": "scsi0", "size": "32G"},
            "scsi0: ceph:vm-100-disk-0,size=16G",
            "scsi0: size=32G",
        ),
        ("snapshot", {"snapname": "new"}, None, "snapshot new: there"),
        ("rollback", {"snapname": "old"}, "state: as it is now", "state: as in snapshot old"),
        ("backup", {"storage": "nfs"}, None, "new backup: on nfs"),
        ("backup", {"mode": "stop"}, None, "back up mode=stop"),
        ("clone", {"newid": 401}, None, "guest 401: there"),
        ("configure", {"cores": 4, "delete": "net1"}, "net1: virtio\ncores: 2", "cores: 4"),
    ],
)
def test_a_diff_says_what_the_guest_is_before_and_after(
    operation: str, params: dict[str, Any], before: str | None, after: str | None, check: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        disk = "ceph:vm-100-disk-0,size=16G"
        guest = api.cluster.add(100, name="app1", cores=2, scsi0=disk, net1="virtio")
        guest.snapshots.append({"name": "old", "snaptime": 1})
        report = await run_command(
            "operation",
            api,
            check=check,
            operation=operation,
            guests=[100],
            params=params,
            allow_destructive=True,
        )
        assert report.diff == {"before": lines(before), "after": lines(after)}

    scenario()


@pytest.mark.parametrize(
    ("operation", "qmpstatus", "before", "after"),
    [
        ("suspend", "running", "status: running", "status: suspended"),
        ("resume", "paused", "status: suspended", "status: running"),
    ],
)
def test_a_diff_says_whether_a_vm_is_suspended(
    operation: str, qmpstatus: str, before: str, after: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(100, status="running", name="app1")
        api.disturb("GET .*/status/current", Answer({"status": "running", "qmpstatus": qmpstatus}))
        report = await run_command("operation", api, check=True, operation=operation, guests=[100])
        assert report.diff == {"before": lines(before), "after": lines(after)}

    scenario()


@in_virtual_time
async def test_a_diff_says_what_is_removed_from_a_node() -> None:
    report = await run_command(
        "operation",
        FakeApi(),
        check=True,
        method="DELETE",
        path="/nodes/pve1/disks/lvm/old",
        allow_destructive=True,
    )
    assert report.diff == {"before": "node pve1: /nodes/pve1/disks/lvm/old\n", "after": ""}


def lines(text: str | None) -> str:
    return "".join(f"VM 100 (app1) on pve1: {line}\n" for line in (text or "").splitlines())
