# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and changing configs, growing disks, making templates."""

from __future__ import annotations

from typing import Any

import pytest

CONFIG = "qemu/100/config"


async def test_a_change_by_post_is_a_task_whose_log_repeats_the_options(cell: Any) -> None:
    given = {"cores": 4, "ciuser": "debian", "description": "x y", "cipassword": "secret"}
    upid = await cell.call("POST", CONFIG, given)
    assert await cell.end(upid) == "OK"
    assert cell.task(upid).lines == [
        "update VM 100: -cipassword <hidden> -ciuser debian -cores 4 -description x y",
        "TASK OK",
    ]
    config = await cell.call("GET", CONFIG)
    assert (config["cores"], config["ciuser"], config["cipassword"]) == (4, "debian", "**********")


async def test_a_change_by_put_is_made_when_the_answer_comes(cell: Any) -> None:
    assert await cell.call("PUT", CONFIG, {"tags": "web;app;web"}) is None
    assert cell.world.guests[100].config["tags"] == "app;web"
    await cell.call("PUT", CONFIG, {"delete": "tags,description"})
    assert "tags" not in cell.world.guests[100].config


async def test_a_digest_that_is_old_is_refused(cell: Any) -> None:
    digest = (await cell.call("GET", CONFIG))["digest"]
    await cell.call("PUT", CONFIG, {"cores": 4, "digest": digest})
    refusal = await cell.refusal("PUT", CONFIG, {"cores": 8, "digest": digest})
    assert refusal.message == "checksum mismatch (file change by other user?)"
    refusal = await cell.refusal("PUT", "lxc/9100/config", {"cores": 8, "digest": "0" * 40})
    assert refusal.message == (
        "detected modified configuration - file changed by other user? Try again."
    )


async def test_the_size_of_a_disk_is_read_again(cell: Any) -> None:
    await cell.call("PUT", CONFIG, {"scsi0": "ceph:vm-100-disk-0,discard=on"})
    assert cell.world.guests[100].config["scsi0"] == "ceph:vm-100-disk-0,discard=on,size=16G"
    refusal = await cell.refusal("PUT", CONFIG, {"scsi1": "ceph:vm-999-disk-7"})
    assert (refusal.status, refusal.message) == (500, "volume ceph:vm-999-disk-7 does not exist")


async def test_drives_of_a_fixed_size_have_it(cell: Any) -> None:
    await cell.call("PUT", CONFIG, {"efidisk0": "ceph:1,efitype=4m", "tpmstate0": "ceph:1"})
    config = cell.world.guests[100].config
    assert config["efidisk0"].endswith("size=4M")
    assert config["tpmstate0"].endswith("size=4M")


async def test_a_disk_that_is_replaced_is_unused(cell: Any) -> None:
    await cell.call("PUT", CONFIG, {"scsi0": "ceph:8"})
    config = cell.world.guests[100].config
    assert config["unused0"] == "ceph:vm-100-disk-0"
    assert config["scsi0"] == "ceph:vm-100-disk-1,size=8G"


async def test_the_boot_order_of_a_new_vm(cell: Any) -> None:
    params = {"scsi0": "ceph:4", "efidisk0": "ceph:1", "ide2": "none,media=cdrom",
              "net1": "virtio", "net0": "virtio", "virtio1": "ceph:4"}  # fmt: skip
    await cell.done("POST", "qemu", {"vmid": 400, **params})
    assert cell.world.guests[400].config["boot"] == "order=scsi0;ide2;net0"
    await cell.done("POST", "qemu", {"vmid": 401})
    assert "boot" not in cell.world.guests[401].config


async def pending(cell: Any, path: str) -> dict[str, Any]:
    entries = await cell.call("GET", f"{path}/pending")
    return {
        e["key"]: e.get("pending", "deleted") for e in entries if "pending" in e or "delete" in e
    }


async def test_some_changes_of_a_running_vm_apply_at_once_and_some_are_pending(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    changes = {"name": "new", "memory": "4096", "scsi1": "ceph:1", "sata0": "ceph:1"}
    await cell.call("PUT", CONFIG, changes)
    found = await pending(cell, "qemu/100")
    assert found == {"memory": "4096", "sata0": "ceph:vm-100-disk-2,size=1G"}
    assert (await cell.call("GET", CONFIG))["memory"] == "4096"
    assert (await cell.call("GET", CONFIG, {"current": 1}))["memory"] != "4096"
    await cell.call("PUT", CONFIG, {"revert": "memory,sata0"})
    assert await pending(cell, "qemu/100") == {}


async def test_without_hotplug_network_changes_of_a_vm_are_pending(cell: Any) -> None:
    cell.world.guests[100].config["hotplug"] = "disk"
    await cell.done("POST", "qemu/100/status/start")
    await cell.call("PUT", CONFIG, {"net3": "virtio=BC:24:11:00:00:01,bridge=vmbr0"})
    assert await pending(cell, "qemu/100") == {"net3": "virtio=BC:24:11:00:00:01,bridge=vmbr0"}


async def test_the_boot_disk_of_a_running_vm_cannot_be_unplugged(cell: Any) -> None:
    cell.world.guests[100].config["boot"] = "order=scsi0"
    await cell.done("POST", "qemu/100/status/start")
    refusal = await cell.refusal("PUT", CONFIG, {"delete": "scsi0"})
    assert refusal.status == 400
    assert refusal.errors == {"scsi0": "hotplug problem - can't unplug bootdisk 'scsi0'\n"}
    assert await pending(cell, "qemu/100") == {"scsi0": "deleted"}


async def test_a_network_change_that_a_running_container_cannot_take_is_pending(cell: Any) -> None:
    await cell.done("POST", "lxc/9100/clone", {"newid": 200})
    await cell.done("POST", "lxc/200/status/start")
    wish = {
        "net0": "name=eth0,bridge=vmbr9,hwaddr=BC:24:11:00:00:01,type=veth",
        "features": "nesting=1",
    }
    refusal = await cell.refusal("PUT", "lxc/200/config", wish)
    assert refusal.errors == {"net0": "unable to hotplug net0: bridge 'vmbr9' does not exist\n"}
    assert await pending(cell, "lxc/200") == wish
    assert (await cell.call("GET", "lxc/200/config"))["net0"] == wish["net0"]


async def test_invalid_requests_are_refused(cell: Any) -> None:
    assert (await cell.refusal("PUT", CONFIG)).message == "no options specified"
    refusal = await cell.refusal("PUT", CONFIG, {"delete": "nosuch"})
    assert refusal.errors == {"delete": "unknown option 'nosuch'"}
    cell.world.guests[100].config["lock"] = "backup"
    assert (await cell.refusal("POST", CONFIG, {"cores": 1})).message == "VM is locked (backup)"
    cell.world.quorate = False
    refusal = await cell.refusal("PUT", "lxc/9100/config", {"memory": 64})
    assert refusal.message.startswith("unable to open file '/etc/pve/nodes/pve1/lxc/9100.conf.tmp.")


@pytest.mark.parametrize(
    ("option", "value", "privilege"),
    [
        ("cores", 2, "VM.Config.CPU"),
        ("memory", "64", "VM.Config.Memory"),
        ("net0", "virtio,bridge=vmbr0", "VM.Config.Network"),
        ("scsi1", "ceph:1", "VM.Config.Disk"),
        ("scsihw", "lsi", "VM.Config.HWType"),
        ("tags", "a", "VM.Config.Options"),
        ("ciuser", "a", "VM.Config.Cloudinit|VM.Config.Network"),
    ],
)
async def test_every_option_requires_its_privilege(
    cell: Any, option: str, value: Any, privilege: str
) -> None:
    refusal = await cell.refusal("PUT", CONFIG, {option: value}, may=lambda _path, _right: False)
    assert refusal.message == f"Permission check failed (/vms/100, {privilege})"


async def test_a_running_vm_takes_cores_when_it_is_started_again(cell: Any) -> None:
    who = {"node": "pve2"}
    await cell.done("POST", "qemu/101/config", {"cores": 8, "description": "x"}, **who)
    assert (await cell.call("GET", "qemu/101/config", **who))["cores"] == 8
    current = await cell.call("GET", "qemu/101/config", {"current": 1}, **who)
    assert (current["cores"], current["description"]) == (4, "x")
    pending = {e["key"]: e for e in await cell.call("GET", "qemu/101/pending", **who)}
    assert pending["cores"] == {"key": "cores", "value": 4, "pending": 8}
    await cell.done("POST", "qemu/101/status/stop", **who)
    await cell.done("POST", "qemu/101/status/start", **who)
    assert cell.world.guests[101].config["cores"] == 8


async def test_a_new_disk_is_created_and_a_removed_one_becomes_unused(cell: Any) -> None:
    await cell.call("PUT", CONFIG, {"scsi1": "ceph:2"})
    assert cell.world.guests[100].config["scsi1"] == "ceph:vm-100-disk-1,size=2G"
    await cell.call("PUT", CONFIG, {"delete": "scsi1"})
    assert cell.world.guests[100].config["unused0"] == "ceph:vm-100-disk-1"
    await cell.call("PUT", CONFIG, {"delete": "unused0"})
    volids = [v.volid for v in cell.world.storages["ceph"].volumes]
    assert "ceph:vm-100-disk-1" not in volids


async def test_a_disk_grows_in_config_and_storage(cell: Any) -> None:
    assert await cell.done("PUT", "qemu/100/resize", {"disk": "scsi0", "size": "+4G"}) == "OK"
    assert cell.world.guests[100].config["scsi0"] == "ceph:vm-100-disk-0,size=20G"
    assert await cell.done("PUT", "qemu/100/resize", {"disk": "scsi0", "size": "32G"}) == "OK"
    volumes = {v.volid: v.size for v in cell.world.storages["ceph"].volumes}
    assert volumes["ceph:vm-100-disk-0"] == 32 << 30


async def test_a_disk_cannot_shrink_and_has_to_exist(cell: Any) -> None:
    resize = "qemu/100/resize"
    status = await cell.done("PUT", resize, {"disk": "scsi0", "size": "1G"})
    assert status == "shrinking disks is not supported"
    status = await cell.done("PUT", resize, {"disk": "scsi5", "size": "1G"})
    assert status == "disk 'scsi5' does not exist"


async def test_a_stopped_guest_becomes_a_template(cell: Any) -> None:
    assert await cell.done("POST", "qemu/100/template") == "OK"
    assert cell.world.guests[100].template
    assert cell.world.guests[100].config["scsi0"] == "ceph:base-100-disk-0,size=16G"
    assert await cell.done("POST", "qemu/100/clone", {"newid": 200}) == "OK"
    assert "base-100-disk-0/vm-200" in cell.world.guests[200].config["scsi0"]
    refusal = await cell.refusal("POST", "qemu/101/template", node="pve2")
    assert refusal.message == "you can't convert a VM to template if VM is running"


async def test_converting_a_container_to_a_template_returns_no_upid(cell: Any) -> None:
    await cell.done("POST", "lxc/9100/clone", {"newid": 200, "full": 1})
    assert await cell.call("POST", "lxc/200/template") is None
    await cell.settle(5)
    assert cell.world.guests[200].template
    assert (await cell.call("GET", "tasks"))[0]["type"] == "vztemplate"


async def test_a_disk_that_goes_leaves_the_boot_order(cell: Any) -> None:
    guest = cell.world.guests[100]
    guest.status, guest.started = "stopped", None
    guest.config["boot"] = "order=scsi0;net0"
    await cell.call("PUT", "qemu/100/unlink", {"idlist": "scsi0"})
    assert guest.config["boot"] == "order=net0"
    assert (await cell.call("GET", "qemu/100/status/current"))["maxdisk"] == 0
    await cell.call("PUT", CONFIG, {"delete": "net0"})
    assert guest.config["boot"] == " "
