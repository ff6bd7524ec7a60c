# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes are allocated, named and removed as the storage API does it."""

from __future__ import annotations

from typing import Any

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


async def test_a_missing_file_is_removed_with_a_word(recorded: Any) -> None:
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
