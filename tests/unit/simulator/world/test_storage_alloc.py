# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes are allocated, named and removed as the storage API does it."""

from __future__ import annotations

from typing import Any

from pvesim.entities import Volume

ALLOC = "storage/store1/content"
DISK = {"vmid": 101, "filename": "vm-101-disk-7.qcow2", "size": "1G"}


async def test_the_answer_is_the_volume_id(recorded: Any) -> None:
    assert await recorded.call("POST", ALLOC, {"storage": "store1", **DISK}) == (
        "store1:101/vm-101-disk-7.qcow2"
    )
    volume = recorded.world.storages["store1"].volumes[-1]
    assert (volume.format, volume.size, volume.vmid) == ("qcow2", 1 << 30, 101)


async def test_a_volume_that_is_there_is_refused(recorded: Any) -> None:
    await recorded.call("POST", ALLOC, {"storage": "store1", **DISK})
    refusal = await recorded.refusal("POST", ALLOC, {"storage": "store1", **DISK})
    assert refusal.message.endswith("already exists")


async def test_a_format_must_not_contradict_the_name(recorded: Any) -> None:
    refusal = await recorded.refusal("POST", ALLOC, {"storage": "store1", **DISK, "format": "raw"})
    assert refusal.status == 400
    assert "format" in refusal.errors


async def test_a_size_without_a_unit_is_in_kib(recorded: Any) -> None:
    await recorded.call("POST", ALLOC, {"storage": "store1", **DISK, "size": "2048"})
    assert recorded.world.storages["store1"].volumes[-1].size == 2 << 20


async def test_removing_a_missing_file_is_reported(recorded: Any) -> None:
    params = {"storage": "store1", "volume": "store1:101/vm-101-disk-9.qcow2"}
    path = "/nodes/{node}/storage/{storage}/content/{volume}"
    lines = await recorded.lines("DELETE", path.replace("{node}", "vm"), params)
    assert lines[0].endswith("vm-101-disk-9.qcow2' does not exist")
    assert lines[-1] == "TASK OK"


async def test_a_volume_of_another_storage_is_refused(recorded: Any) -> None:
    path = "/nodes/vm/storage/{storage}/content/{volume}"
    params = {"storage": "local", "volume": "store1:101/vm-101-disk-0.qcow2"}
    refusal = await recorded.refusal("DELETE", path, params)
    assert refusal.errors == {"volume": "storage ID mismatch (store1 != local)\n"}


async def test_images_report_their_base_and_size(recorded: Any) -> None:
    volumes = {v["volid"]: v for v in await recorded.call("GET", "storage/store1/content")}
    own = volumes["store1:101/vm-101-disk-0.qcow2"]
    assert (own["parent"], own["used"]) == (None, own["size"])
    linked = volumes["store1:100/base-100-disk-0.qcow2/102/vm-102-disk-0.qcow2"]
    assert linked["parent"] == "../100/base-100-disk-0.qcow2"


async def test_a_backup_is_a_raw_file_with_notes(recorded: Any) -> None:
    backup = Volume("local:backup/vzdump-qemu-101-2026_11_21-12_49_41.vma", "backup", "vma", 26112)
    recorded.world.storages["local"].volumes.append(backup)
    seen = await recorded.call("GET", "storage/local/content/x", {"volume": backup.volid})
    assert (seen["format"], seen["used"], seen["notes"], seen["protected"]) == ("raw", 28672, "", 0)
