# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating VMs and containers, and deleting both."""

from __future__ import annotations

from typing import Any

import pytest

ARBITRARY_PATH = (
    "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651."
)
OS = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


async def test_a_container_is_made_from_a_template(cell: Any) -> None:
    params = {
        "vmid": 200,
        "ostemplate": OS,
        "hostname": "ct1",
        "rootfs": "ceph:8",
        "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
        "memory": 256,
        "tags": "b;a",
    }
    upid = await cell.call("POST", "lxc", params)
    assert cell.world.guests[200].lock == "create"
    assert await cell.end(upid) == "OK"
    config = cell.world.guests[200].config
    assert config["rootfs"] == "ceph:vm-200-disk-0,size=8G"
    assert config["net0"].startswith("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:")
    assert config["net0"].endswith(",ip=dhcp,type=veth")
    assert (config["memory"], config["swap"], config["unprivileged"]) == (256, 512, 1)
    assert config["tags"] == "a;b"
    assert "lock" not in config


async def test_a_template_that_is_not_there_fails_in_the_task_and_leaves_nothing(
    cell: Any,
) -> None:
    params = {"vmid": 200, "ostemplate": "local:vztmpl/none.tar.gz", "rootfs": "ceph:1"}
    lines = await cell.lines("POST", "lxc", params)
    text = "volume 'local:vztmpl/none.tar.gz' does not exist"
    assert lines[-2:] == [text, f"TASK ERROR: unable to create CT 200 - {text}"]
    assert 200 not in cell.world.guests
    assert not any(v.vmid == 200 for v in cell.world.storages["ceph"].volumes)


@pytest.mark.parametrize(
    ("params", "status", "message"),
    [
        ({"vmid": 101}, 500, "VM 101 already exists on node 'pve2'"),
        ({"vmid": 9100}, 500, "CT 9100 already exists on node 'pve1'"),
        (
            {"ostemplate": "garbage"},
            500,
            ARBITRARY_PATH,
        ),
        ({"ostemplate": "nosuch:vztmpl/x.tar.gz"}, 500, "storage 'nosuch' does not exist"),
        ({"rootfs": "nosuch:1"}, 500, "storage 'nosuch' does not exist"),
        ({"pool": "nosuch"}, 403, "Permission check failed (pool 'nosuch' does not exist)"),
    ],
)
async def test_invalid_requests_are_refused_before_a_container_is_created(
    cell: Any, params: dict[str, Any], status: int, message: str
) -> None:
    given = {"vmid": 200, "ostemplate": OS, "rootfs": "ceph:1", **params}
    refusal = await cell.refusal("POST", "lxc", given)
    assert (refusal.status, refusal.message) == (status, message)
    assert 200 not in cell.world.guests


async def test_the_default_storage_has_to_take_containers(cell: Any) -> None:
    refusal = await cell.refusal("POST", "lxc", {"vmid": 200, "ostemplate": OS})
    assert refusal.errors == {"rootfs": "storage 'local' does not support container directories"}
    given = {"vmid": 200, "ostemplate": OS, "storage": "ceph"}
    assert await cell.done("POST", "lxc", given) == "OK"
    assert cell.world.guests[200].config["rootfs"] == "ceph:vm-200-disk-0,size=4G"


async def test_a_container_that_is_started_has_a_task_of_its_own_for_that(cell: Any) -> None:
    given = {"vmid": 200, "ostemplate": OS, "storage": "ceph", "start": 1}
    assert await cell.done("POST", "lxc", given) == "OK"
    await cell.settle(5)
    types = [entry["type"] for entry in await cell.call("GET", "tasks")]
    assert types == ["vzstart", "vzcreate"]
    assert cell.world.guests[200].running


async def test_a_container_needs_the_privileges_on_its_vmid(cell: Any) -> None:
    given = {"vmid": 200, "ostemplate": OS, "storage": "ceph"}
    refusal = await cell.refusal("POST", "lxc", given, may=lambda _path, _right: False)
    assert (refusal.status, refusal.message) == (403, "Permission check failed")


async def test_a_vm_is_created_with_its_disks(cell: Any) -> None:
    given = {
        "vmid": 200,
        "name": "vm",
        "scsi0": "ceph:4",
        "ide2": "ceph:cloudinit",
        "net0": "virtio,bridge=vmbr0",
    }
    upid = await cell.call("POST", "qemu", given)
    assert cell.world.guests[200].lock == "create"
    assert await cell.end(upid) == "OK"
    config = cell.world.guests[200].config
    assert config["scsi0"] == "ceph:vm-200-disk-0,size=4G"
    assert config["ide2"] == "ceph:vm-200-cloudinit,media=cdrom"
    assert config["net0"].startswith("virtio=BC:24:11:")
    line = "scsi0: successfully created disk 'ceph:vm-200-disk-0,size=4G'"
    assert line in cell.task(upid).lines


async def test_a_vm_whose_id_is_used_is_refused(cell: Any) -> None:
    refusal = await cell.refusal("POST", "qemu", {"vmid": 101})
    assert refusal.message == "unable to create VM 101 - VM 101 already exists on node 'pve2'"


async def test_a_missing_iso_fails_in_the_task(cell: Any) -> None:
    status = await cell.done("POST", "qemu", {"vmid": 200, "ide2": "local:iso/no.iso,media=cdrom"})
    assert status == "unable to create VM 200 - volume 'local:iso/no.iso' does not exist"
    assert 200 not in cell.world.guests


async def test_deleting_a_guest_deletes_its_volumes(cell: Any) -> None:
    await cell.done("POST", "qemu/9000/clone", {"newid": 200, "full": 1})
    assert any(v.vmid == 200 for v in cell.world.storages["ceph"].volumes)
    lines = await cell.lines("DELETE", "qemu/200", {"purge": 1})
    assert "purging VM 200 from related configurations.." in lines
    assert 200 not in cell.world.guests
    assert not any(v.vmid == 200 for v in cell.world.storages["ceph"].volumes)


@pytest.mark.parametrize("unreferenced", [0, 1])
async def test_unreferenced_disks_are_destroyed_on_request(cell: Any, unreferenced: int) -> None:
    size = {"vmid": 200, "filename": "vm-200-disk-7", "size": "1G"}
    for storage in ("ceph", "local-lvm"):
        await cell.call("POST", f"storage/{storage}/content", size)
    await cell.done("POST", "qemu", {"vmid": 200, "scsi0": "ceph:1"})
    await cell.done("DELETE", "qemu/200", {"destroy-unreferenced-disks": unreferenced})
    left = [v.volid for s in cell.world.storages.values() for v in s.volumes if v.vmid == 200]
    assert left == ([] if unreferenced else ["local-lvm:vm-200-disk-7", "ceph:vm-200-disk-7"])


async def test_a_base_with_linked_clones_is_kept(cell: Any) -> None:
    await cell.done("POST", "qemu/9000/clone", {"newid": 200})
    status = await cell.done("DELETE", "qemu/9000")
    assert status == "base volume 'ceph:base-9000-disk-0' is still in use by linked cloned"
    assert 9000 in cell.world.guests


async def test_running_and_protected_guests_are_not_deleted(cell: Any) -> None:
    refusal = await cell.refusal("DELETE", "qemu/101", node="pve2")
    assert refusal.message == "VM 101 is running - destroy failed"
    cell.world.guests[9100].status = "running"
    refusal = await cell.refusal("DELETE", "lxc/9100")
    assert refusal.message == "unable to destroy CT 9100 - container is running"
    cell.world.guests[100].config["protection"] = 1
    refusal = await cell.refusal("DELETE", "qemu/100")
    assert refusal.message == "can't remove VM 100 - protection mode enabled"


async def test_a_running_container_is_deleted_by_force(cell: Any) -> None:
    cell.world.guests[9100].status = "running"
    lines = await cell.lines("DELETE", "lxc/9100", {"force": 1})
    assert lines[0] == "forced to stop CT 9100 before destroying!"
    assert lines[-1] == "TASK OK"
    assert 9100 not in cell.world.guests


async def test_an_unknown_guest_has_no_configuration_file(cell: Any) -> None:
    for path, file in (
        ("qemu/555", "qemu-server/555"),
        ("lxc/555", "lxc/555"),
        ("qemu/9100", "qemu-server/9100"),
        ("qemu/101", "qemu-server/101"),
    ):
        refusal = await cell.refusal("DELETE", path)
        text = f"Configuration file 'nodes/pve1/{file}.conf' does not exist"
        assert (refusal.status, refusal.message) == (500, text)


async def test_an_invalid_ssh_key_is_refused(cell: Any) -> None:
    params = {
        "vmid": 210,
        "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
        "rootfs": "ceph:1",
    }
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@here"
    refusal = await cell.refusal("POST", "lxc", params | {"ssh-public-keys": f"{key}\nnonsense"})
    assert (refusal.status, refusal.message) == (500, "SSH public key validation error")
    assert 210 not in cell.world.guests
    assert await cell.done("POST", "lxc", params | {"ssh-public-keys": f"{key}\n\n"}) == "OK"
