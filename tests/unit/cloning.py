# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the modules clone and fleet on a cluster with something to clone."""

from __future__ import annotations

from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command

CLONE = "POST .*/clone"
OS_TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
NAMES = [f"web{index}" for index in range(1, 6)]


def an_api(**guests: Any) -> FakeApi:
    """A cluster with a template of either type, and a VM."""
    api = FakeApi(**guests)
    api.cluster.add(9000, name="tpl", template=1, scsi0="ceph:base-9000-disk-0", memory="2048")
    api.cluster.add(9100, "lxc", hostname="ct-tpl", template=1, rootfs="ceph:base-9100-disk-0")
    api.cluster.add(100, name="app1", scsi0="ceph:vm-100-disk-0")
    return api


async def clone(api: FakeApi, **options: Any) -> Report:
    return await run_command("clone", api, **{"source": "tpl", **options})


async def fleet(api: FakeApi, **options: Any) -> Report:
    return await run_command("fleet", api, **options)


def steps_of(report: Report) -> list[list[tuple[str, str]]]:
    """The name and the outcome of each step of each guest of a fleet."""
    return [
        [(step["name"], step["outcome"]) for step in guest["steps"]]
        for guest in report.values["guests"]
    ]


def guests_named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def briefly(report: Report) -> list[tuple[Any, ...]]:
    return [
        (guest["name"], guest["outcome"], guest["changed"]) for guest in report.values["guests"]
    ]


def whole(api: FakeApi, name: str) -> list[int]:
    """The VMIDs of the guests of this name, after all tasks have ended."""
    return [guest.vmid for guest in api.cluster.guests.values() if guest.name == name]


def dead_clone(api: FakeApi, vmid: int = 301, user: str | None = None) -> None:
    """What a killed worker leaves: a locked guest, and a task that ended without a status."""
    api.cluster.start(
        "pve1", "qmclone", 9000, 5, user or api.authid, started=-600,
        exitstatus="unexpected status",
        log=[f"creating a clone of VM 9000 with ID {vmid}", "transferred 1 MiB"],
    )  # fmt: skip
    api.cluster.add(vmid, lock="clone", description=" qmclone temporary file")
