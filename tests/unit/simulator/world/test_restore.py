# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring guests from their backups."""

from __future__ import annotations

import re
from typing import Any

SHAPES = (
    (r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d", "TIME"),
    (r"'/srv/\S+'", "'PATH'"),
    (r"(?<=UUID: ).*", "UUID"),
    (r"(?<=Total bytes read: ).*", "N"),
)
CT_240 = """\
recovering backed-up configuration from 'local:backup/vzdump-lxc-210-TIME.tar'
Formatting 'PATH', fmt=raw size=1073741824 preallocation=off
Creating filesystem with 262144 4k blocks and 65536 inodes
Filesystem UUID: UUID
Superblock backups stored on blocks:\x20
\t32768, 98304, 163840, 229376
restoring 'local:backup/vzdump-lxc-210-TIME.tar' now..
extracting archive '/var/lib/vz/dump/vzdump-lxc-210-TIME.tar'
Total bytes read: N
merging backed-up and given configuration..
Convert restored container to template...
TASK OK"""


async def back_up(cell: Any, vmid: int, node: str) -> str:
    """Back up a guest; the volume id of the archive."""
    params = {"vmid": str(vmid), "storage": "local"}
    assert await cell.done("POST", "vzdump", params, node=node) == "OK"
    (volume,) = [v for v in cell.world.storages["local"].volumes if v.content == "backup"]
    return str(volume.volid)


async def test_a_container_is_restored_as_recorded(recorded: Any) -> None:
    recorded.world.guests[210].config["template"] = 1
    archive = await back_up(recorded, 210, "vm")
    params = {"vmid": 240, "ostemplate": archive, "restore": 1, "storage": "store1"}
    upid = await recorded.call("POST", "lxc", params)
    assert ":vzrestore:240:" in upid
    assert recorded.world.guests[240].lock == "create"
    assert await recorded.end(upid) == "OK"
    text = "\n".join(recorded.task(upid).lines)
    for pattern, shape in SHAPES:
        text = re.sub(pattern, shape, text)
    assert text == CT_240
    config = recorded.world.guests[240].config
    assert (config["hostname"], config["template"]) == ("ct210", 1)
    assert config["rootfs"] == "store1:240/base-240-disk-0.raw,size=1G"
    refusal = await recorded.refusal("POST", "lxc", params)
    assert refusal.message == "CT 240 already exists on node 'vm'"
    assert await recorded.done("POST", "lxc", params | {"force": 1}) == "OK"
    assert len([v for v in recorded.world.storages["store1"].volumes if v.vmid == 240]) == 1


async def test_a_vm_is_what_it_was(cell: Any) -> None:
    archive = await back_up(cell, 100, "pve1")
    before = dict(cell.world.guests[100].config)
    cell.world.guests[100].config["cores"] = 8
    params = {"vmid": 100, "archive": archive}
    refusal = await cell.refusal("POST", "qemu", params)
    assert refusal.message == "unable to restore VM 100 - VM 100 already exists on node 'pve1'"
    upid = await cell.call("POST", "qemu", params | {"force": 1})
    assert ":qmrestore:100:" in upid
    assert await cell.end(upid) == "OK"
    after = dict(cell.world.guests[100].config)
    assert after.pop("scsi0") == "ceph:vm-100-disk-1,size=16G"
    before.pop("scsi0")
    assert after == before
    assert [v.volid for v in cell.world.storages["ceph"].volumes if v.vmid == 100] == [
        "ceph:vm-100-disk-1"
    ]
    lines = cell.task(upid).lines
    assert [x for x in lines if x.startswith("progress 100% (read 17179869184 bytes, duration")]


async def test_a_unique_restore_gets_other_addresses_and_may_start(cell: Any) -> None:
    archive = await back_up(cell, 100, "pve1")
    params = {"vmid": 300, "archive": archive, "unique": 1, "storage": "local-lvm", "start": 1}
    assert await cell.done("POST", "qemu", params) == "OK"
    await cell.settle(5)
    guest = cell.world.guests[300]
    assert guest.running
    assert guest.config["net0"] != cell.world.guests[100].config["net0"]
    assert guest.config["scsi0"] == "local-lvm:vm-300-disk-0,size=16G"
    starts = [t for t in cell.world.tasks.every() if t.upid.type == "qmstart"]
    assert [t.upid.id for t in starts] == ["300"]


async def test_parameters_override_the_settings_in_the_archive(cell: Any) -> None:
    """PVE::API2::Qemu hands it to the restore as override_conf."""
    archive = await back_up(cell, 100, "pve1")
    given = {"name": "copy", "tags": "b;A", "description": "a copy", "onboot": 0}
    params = {"vmid": 300, "archive": archive, "unique": 1, **given}
    assert await cell.done("POST", "qemu", params) == "OK"
    config = cell.world.guests[300].config
    assert (config["name"], config["tags"], config["description"]) == ("copy", "a;b", "a copy")
    assert config["cores"] == cell.world.guests[100].config["cores"]


async def test_a_running_vm_is_not_overwritten(cell: Any) -> None:
    archive = await back_up(cell, 101, "pve2")
    before = dict(cell.world.guests[101].config)
    params = {"vmid": 101, "archive": archive, "force": 1}
    ended = await cell.done("POST", "qemu", params, node="pve2")
    assert ended == "unable to restore VM 101 - vm is running"
    assert cell.world.guests[101].config == before


async def test_a_stopped_restore_leaves_the_guest_as_it_was(cell: Any) -> None:
    archive = await back_up(cell, 100, "pve1")
    before = dict(cell.world.guests[100].config)
    for vmid in (100, 300):
        upid = await cell.call("POST", "qemu", {"vmid": vmid, "archive": archive, "force": 1})
        await cell.settle(3)
        await cell.call("DELETE", f"tasks/{upid}")
        assert cell.task(upid).exitstatus == f"unable to restore VM {vmid} - received interrupt"
    assert cell.world.guests[100].config == before
    assert cell.world.guests[300].config == {}  # "state is NOT cleaned up"


async def test_a_missing_archive_fails_in_the_task(cell: Any) -> None:
    archive = "local:backup/vzdump-qemu-100-2026_01_01-00_00_00.vma"
    ended = await cell.done("POST", "qemu", {"vmid": 300, "archive": archive})
    assert ended == f"unable to restore VM 300 - volume '{archive}' does not exist"
    assert cell.world.guests.pop(300).config == {}
    params = {"vmid": 300, "ostemplate": archive, "restore": 1}
    ended = await cell.done("POST", "lxc", params)
    assert ended == f"unable to restore CT 300 - volume '{archive}' does not exist"
    refusal = await cell.refusal("POST", "qemu", {"vmid": 300, "archive": "nosuch:backup/x.vma"})
    assert refusal.message == "storage 'nosuch' does not exist"


async def test_a_disk_keeps_its_format_on_file_storage(recorded: Any) -> None:
    archive = await back_up(recorded, 101, "vm")
    assert await recorded.done("POST", "qemu", {"vmid": 300, "archive": archive}) == "OK"
    restored = recorded.world.guests[300].config["scsi0"]
    assert restored == "store1:300/vm-300-disk-0.qcow2,size=1G"
