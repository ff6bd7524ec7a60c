# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.leftovers import (
    explain,
    find_dead_lock,
    may_be_removed,
    removal,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.reading import read_cluster
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.clone import (
    CloneSource,
    clone_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam:")
NODES = ("pve1", "pve2", "pve3")
TEMPORARY = " qmclone temporary file"


def a_clone() -> Job:
    source = CloneSource(Guest(9000, "qemu", "pve1", "tpl", "stopped", template=True), ("ceph",))
    return clone_job(source, Guest(301, "qemu", "pve1", "web1"), {}, None, movable=False)


async def found(api: FakeApi, vmid: int) -> Guest:
    return (await read_cluster(api)).guests[vmid]


# May it be removed?


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        ({"lock": "clone", "description": TEMPORARY}, True),
        ({"lock": "clone", "description": f"{TEMPORARY}\n"}, True),
        ({"lock": "clone"}, False),
        ({"lock": "clone", "description": "precious"}, False),
        ({"lock": "backup", "description": TEMPORARY}, False),
        ({"name": "web1"}, False),
    ],
    ids=str,
)
@in_virtual_time
async def test_only_what_a_clone_has_not_finished_may_be_removed(
    config: dict[str, str], allowed: bool
) -> None:
    api = FakeApi()
    api.cluster.add(301, **config)
    assert await may_be_removed(api, await found(api, 301), a_clone(), NODES) is allowed


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("user", ["root@pam!ansible", "bob@pve"])
@in_virtual_time
async def test_a_guest_that_any_user_creates_from_any_source_may_not_be_removed(
    node: str, user: str
) -> None:
    api = FakeApi()
    api.cluster.add(301, lock="clone", description=TEMPORARY)
    api.cluster.start(
        node, "qmclone", 777, user=user, log=["creating a clone of VM 777 with ID 301"]
    )
    assert not await may_be_removed(api, await found(api, 301), a_clone(), NODES)


# The lock on a container that was cloned.


@in_virtual_time
async def test_the_lock_of_a_dead_clone_is_found() -> None:
    api = FakeApi()
    api.cluster.add(9100, "lxc", hostname="tpl", lock="disk")
    dead = api.cluster.start(
        "pve1", "vzclone", 9100, 5, started=-600, exitstatus="unexpected status"
    )
    assert await find_dead_lock(api, "pve1", 9100) == dead.upid


@in_virtual_time
async def test_a_lock_that_a_task_holds_or_may_hold_is_not_dead() -> None:
    api = FakeApi()
    api.cluster.add(9100, "lxc", hostname="tpl", lock="disk")
    assert await find_dead_lock(api, "pve1", 9100) is None
    api.cluster.start("pve1", "vzclone", 9100, 5, started=-600, exitstatus="unexpected status")
    running = api.cluster.start("pve1", "move_volume", 9100, user="bob@pve")
    assert await find_dead_lock(api, "pve1", 9100) is None
    api.cluster.tasks.remove(running)
    api.cluster.start("pve1", "vzclone", 9100, 5, started=-60)
    assert await find_dead_lock(api, "pve1", 9100) is None


# What the user is told.


@pytest.mark.parametrize(("guest_type", "tool"), [("qemu", "qm"), ("lxc", "pct")])
def test_a_leftover_is_explained_with_the_commands_that_remove_it(
    guest_type: str, tool: str
) -> None:
    guest = Guest(301, guest_type, "pve1", None, "stopped", lock="clone")
    text = explain(guest, UPID, "pve1")
    assert f"{tool} unlock 301 && {tool} destroy 301" in text
    assert str(UPID) in text
    assert "disks named after VMID 301" in text


def test_without_a_dead_task_of_ours_no_command_removes_anything() -> None:
    text = explain(Guest(301, "qemu", "pve1", None, "stopped", lock="clone"), None, "pve1")
    assert "destroy" not in text
    assert "Sys.Audit on /nodes/pve1" in text


def test_the_removal_ignores_the_lock_of_that_guest_alone() -> None:
    job = removal(Guest(301, "qemu", "pve2", None, "stopped", lock="clone"))
    assert (job.method, job.path) == ("DELETE", ("nodes", "pve2", "qemu", 301))
    assert job.params == {"skiplock": 1, "purge": 1, "destroy-unreferenced-disks": 1}
    assert not job.repeatable


def test_replace_leftovers_is_suggested_only_for_a_vm() -> None:
    for guest_type, way in (("qemu", True), ("lxc", False)):
        guest = Guest(301, guest_type, "pve1", None, "unknown", lock="clone")
        assert ("replace_leftovers" in explain(guest, UPID, "pve1")) is way
