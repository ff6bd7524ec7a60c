# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.reading import read_cluster
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.reading import (
    read_situation,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.rules import Situation
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


async def situation(api: FakeApi, operation: str, vmid: int = 100) -> Situation:
    cluster = await read_cluster(api)
    api.calls.clear()
    there = Situation(cluster.guests[vmid], {}, cluster)
    return await read_situation(api, OPERATIONS[operation], there)


def test_what_an_entry_asks_for_is_read_and_nothing_else() -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(100, name="app1", scsi0="tank:vm-100-disk-0")
        await situation(api, "start")
        assert not api.calls
        rows: list[dict[str, Any]] = [
            {"name": "b", "snaptime": 20},
            {"name": "a", "snaptime": 10},
            {"name": "current"},
        ]
        api.disturb("GET .*/snapshot$", Answer(rows))
        storages = [{"type": "storage", "storage": "tank", "plugintype": "zfspool"}]
        api.disturb("GET /cluster/resources", Answer(storages), after=True)
        cluster = await read_cluster(FakeApi(api.cluster))
        there = Situation(cluster.guests[100], {}, cluster)
        read = await read_situation(api, OPERATIONS["rollback"], there)
        assert [one.name for one in read.snapshots] == ["a", "b"]
        assert read.current.values["scsi0"] == "tank:vm-100-disk-0"
        assert read.storages == {"tank": "zfspool"}

    scenario()


def test_the_tasks_that_may_work_on_a_guest_are_found_on_every_node() -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(100, name="app1", lock="clone")
        start = api.cluster.start
        line = "creating a clone of VM 9000 with ID {}"
        mine = [
            start("pve2", "qmigrate", 100, 60, "root@pam"),
            start("pve1", "qmclone", 9000, 60, "root@pam", log=[line.format(100)]),
            start("pve3", "vzdump", "", 60, "root@pam"),
        ]
        start("pve1", "qmclone", 9000, 60, "root@pam", log=[line.format(101)])
        start("pve1", "qmstart", 101, 60, "root@pam")
        read = await situation(api, "unlock")
        assert set(read.tasks) == {task.upid for task in mine}

    scenario()


def test_ha_s_state_comes_with_the_cluster() -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        rows: list[dict[str, Any]] = [
            {"type": "node", "node": "pve1", "status": "online"},
            *({"type": "qemu", "vmid": vmid, "node": "pve1"} for vmid in (100, 101, 102)),
        ]
        rows[1]["hastate"], rows[2]["hastate"] = "error", "ignored"
        api.disturb("GET /cluster/resources", Answer(rows))
        guests = (await read_cluster(api)).guests
        assert [guests[vmid].ha for vmid in (100, 101, 102)] == ["error", None, None]

    scenario()
