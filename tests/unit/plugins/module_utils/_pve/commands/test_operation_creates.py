# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

SMALL = {"node": "pve2", "name": "new", "memory": 512}


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.add(100, name="app1", status="running")
    return api


async def operate(api: FakeApi, operation: str, *guests: Any, **options: Any) -> Report:
    given = {"operation": operation, "guests": list(guests), **options}
    return await run_command("operation", api, **given)


def test_a_vm_is_created_once() -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, "create_vm", 300, params=SMALL)
        assert report.changed
        assert report.problem is None
        [call] = api.made("POST ")
        assert call.path == "/nodes/pve2/qemu"
        assert call.params == {"vmid": 300, "name": "new", "memory": 512}
        assert not (await operate(api, "create_vm", 300, params=SMALL)).changed
        assert len(api.made("POST ")) == 1

    scenario()


def test_a_plan_creates_nothing() -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, "create_vm", 300, params=SMALL, check=True)
        assert [guest["outcome"] for guest in report.values["guests"]] == ["queued"]
        assert not api.made("POST ")

    scenario()


@pytest.mark.parametrize(
    ("operation", "guest", "params", "why"),
    [
        ("create_vm", 300, {"name": "new"}, "params: node"),
        ("create_vm", 300, {"node": "pve9"}, "pve9"),
        ("create_vm", "new", SMALL, "given by its VMID"),
        ("create_vm", 100, SMALL, "not 'new'"),
        ("restore", 300, {"node": "pve2", "archive": "nfs:backup/a.tgz"}, "does not say"),
        ("restore", 100, {"archive": "local:backup/vzdump-lxc-1-a.tar.zst"}, "another type"),
        ("restore", 100, {"archive": "local:backup/vzdump-qemu-1-a.vma"}, "with force"),
    ],
)
def test_what_cannot_be_created(
    operation: str, guest: Any, params: dict[str, Any], why: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, operation, guest, params=params)
        assert why in str(report.problem)
        assert not api.made("POST ")

    scenario()


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_vm", {**SMALL, "memroy": 512}),
        ("create_container", {"node": "pve2", "ostemplate": "local:vztmpl/a.tar", "memroy": 1}),
        ("restore", {"node": "pve2", "archive": "local:backup/vzdump-qemu-1-a.vma", "memroy": 1}),
        ("restore", {"node": "pve2", "archive": "local:backup/vzdump-lxc-1-a.tar", "memroy": 1}),
    ],
)
def test_the_parameters_of_a_new_guest_are_checked_first(
    operation: str, params: dict[str, Any]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        for check in (False, True):
            api = an_api()
            with pytest.raises(UsageError, match="memroy: no such parameter; did you mean memory"):
                await operate(api, operation, 300, params=params, check=check)
            assert not api.made("POST ")

    scenario()


@pytest.mark.parametrize(
    ("archive", "path", "named"),
    [
        ("local:backup/vzdump-qemu-100-a.vma.zst", "/nodes/pve2/qemu", "archive"),
        ("pbs:backup/ct/200/2026-11-29T00:00:00Z", "/nodes/pve2/lxc", "ostemplate"),
    ],
)
def test_a_backup_says_what_it_is_of(archive: str, path: str, named: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        await operate(api, "restore", 300, params={"node": "pve2", "archive": archive})
        [call] = api.made("POST ")
        assert call.path == path
        assert call.params[named] == archive

    scenario()


def test_the_node_and_the_storage_are_options_too() -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        params = {"archive": "local:backup/vzdump-qemu-100-a.vma.zst"}
        await operate(api, "restore", 300, params=params, nodes=["pve2"], storage="ceph")
        [call] = api.made("POST ")
        assert (call.path, call.params["storage"]) == ("/nodes/pve2/qemu", "ceph")

    scenario()


@in_virtual_time
async def test_a_guest_is_created_on_one_node() -> None:
    api = an_api()
    with pytest.raises(UsageError, match="nodes: create_vm creates a guest on one node"):
        await operate(api, "create_vm", 300, nodes=["pve1", "pve2"])
