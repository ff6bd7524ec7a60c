# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of disks: they are downloaded, and disks are made out of them."""

from __future__ import annotations

from typing import Any

import pytest

IMAGE = "local:import/disk.qcow2"


async def fetch(cell: Any, web: str, name: str = "disk.qcow2") -> str:
    """Download an image to import; the exit status."""
    given = {"content": "import", "filename": "disk.qcow2", "url": f"{web}/{name}"}
    ended: str = await cell.done("POST", "storage/local/download-url", given)
    return ended


async def test_a_disk_is_as_large_as_the_image_says(cell: Any, web: str) -> None:
    assert await fetch(cell, web) == "OK"
    (listed,) = await cell.call("GET", "storage/local/content", {"content": "import"})
    assert (listed["volid"], listed["size"]) == (IMAGE, 512)
    given = {"vmid": 300, "scsi0": f"local-lvm:0,import-from={IMAGE},discard=on"}
    lines = await cell.lines("POST", "qemu", given)
    assert lines == [
        f"create full clone of drive scsi0 ({IMAGE})",
        '  Logical volume "vm-300-disk-0" created.',
        "allocated target volume 'local-lvm:vm-300-disk-0'",
        *[line for line in lines if line.startswith("transferred ")],
        "scsi0: successfully created disk 'local-lvm:vm-300-disk-0,discard=on,size=3G'",
        "TASK OK",
    ]
    config = await cell.call("GET", "qemu/300/config")
    assert config["scsi0"] == "local-lvm:vm-300-disk-0,discard=on,size=3G"
    assert await cell.done("POST", "qemu/300/config", {"scsi1": f"ceph:0,import-from={IMAGE}"}) == (
        "OK"
    )
    config = await cell.call("GET", "qemu/300/config")
    assert config["scsi1"] == "ceph:vm-300-disk-0,size=3G"
    assert await cell.done("PUT", "qemu/300/resize", {"disk": "scsi0", "size": "10G"}) == "OK"


async def test_the_disk_of_another_vm_is_imported_in_its_format(cell: Any) -> None:
    cell.world.storages["local"].content = ("images", "import")
    given = {"scsi1": "local:2,format=qcow2"}
    assert await cell.done("POST", "qemu/100/config", given) == "OK"
    source = "local:100/vm-100-disk-0.qcow2"
    new = {"vmid": 300, "scsi0": f"local:0,import-from={source}"}
    assert await cell.done("POST", "qemu", new) == "OK"
    config = await cell.call("GET", "qemu/300/config")
    assert config["scsi0"] == "local:300/vm-300-disk-0.qcow2,size=2G"


@pytest.mark.parametrize("source", ["iso/x.iso", "backup/vzdump-qemu-100-x.vma", "snippets/a.yml"])
async def test_only_images_are_imported(cell: Any, source: str) -> None:
    given = {"vmid": 300, "scsi0": f"ceph:0,import-from=local:{source}"}
    refusal = await cell.refusal("POST", "qemu", given)
    kind = source.partition("/")[0]
    wrong = f"local:{source} has wrong type '{kind}' - needs to be 'images' or 'import'"
    assert (refusal.status, refusal.errors) == (400, {"scsi0": wrong})


async def test_a_missing_image_ends_the_task_and_leaves_nothing(cell: Any) -> None:
    given = {"vmid": 300, "scsi0": "ceph:1", "scsi1": "ceph:0,import-from=local:import/x.raw"}
    ended = await cell.done("POST", "qemu", given)
    assert ended == "unable to create VM 300 - volume 'local:import/x.raw' does not exist"
    assert 300 not in cell.world.guests
    assert not [v for v in cell.world.storages["ceph"].volumes if v.vmid == 300]


async def test_a_file_that_is_not_an_image_is_not_kept(cell: Any, web: str) -> None:
    ended = await fetch(cell, web, "page.html")
    assert ended.startswith("failed to verify file: qemu-img: Could not open ")
    assert await cell.call("GET", "storage/local/content", {"content": "import"}) == []


async def test_file_names_are_sanitized(cell: Any, web: str) -> None:
    given = {"content": "iso", "filename": "../my disk:1.iso", "url": f"{web}/a.iso"}
    upid = await cell.call("POST", "storage/local/download-url", given)
    assert ":download:my_disk_1.iso:" in upid
    assert await cell.end(upid) == "OK"
    volids = [v["volid"] for v in await cell.call("GET", "storage/local/content")]
    assert "local:iso/my_disk_1.iso" in volids
