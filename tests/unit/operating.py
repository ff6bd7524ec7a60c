# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the module operation on a cluster with guests of either type."""

from __future__ import annotations

from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command


def an_api() -> FakeApi:
    api = FakeApi()
    disk = "ceph:vm-100-disk-0,size=16G"
    api.cluster.add(100, name="app1", cores=2, memory="2048", scsi0=disk, net1="virtio")
    api.cluster.add(101, node="pve2", name="app2", status="running", cores=2)
    api.cluster.add(200, "lxc", "pve2", hostname="ct1", cores=1)
    return api


async def operate(api: FakeApi, operation: str, *guests: Any, **options: Any) -> Report:
    given = {"operation": operation, "guests": list(guests), **options}
    return await run_command("operation", api, **given)


def outcomes(report: Report) -> list[tuple[Any, ...]]:
    return [
        (guest["vmid"], guest["outcome"], guest["changed"]) for guest in report.values["guests"]
    ]


def with_pending(api: FakeApi) -> None:
    """VM 101 runs; its memory is changed, but not in force yet."""
    api.cluster.guests[101].config["memory"] = "2048"
    api.cluster.guests[101].pending["memory"] = "4096"
