# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made on the disks of a node, and what is left when it is removed."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.world import World
from pvesim.worldfile import checked
from pvesim.worldsave import saved

SPARE = ["/dev/sdb", "/dev/sdc", "/dev/sdd"]


async def unused(cell: Any) -> list[str]:
    """The disks with nothing on them."""
    return [disk["devpath"] for disk in await cell.call("GET", "disks/list", {"type": "unused"})]


async def used(cell: Any, path: str) -> Any:
    """What a disk or partition holds."""
    listed = await cell.call("GET", "disks/list", {"include-partitions": 1})
    return {disk["devpath"]: disk.get("used") for disk in listed}[path]


async def test_the_system_is_on_a_disk_and_three_others_hold_nothing(cell: Any) -> None:
    assert await unused(cell) == SPARE
    group = (await cell.call("GET", "disks/lvm"))["children"][-1]
    assert (group["name"], group["children"][0]["name"]) == ("pve", "/dev/sda")
    (pool,) = await cell.call("GET", "disks/lvmthin", node="pve2")
    assert (pool["vg"], pool["lv"], pool["used"]) == ("pve", "data", 32 << 30)


async def test_a_directory_is_created_with_its_storage_and_removed_with_its_data(cell: Any) -> None:
    given = {"name": "fast", "device": "/dev/sdb", "add_storage": 1, "filesystem": "xfs"}
    lines = await cell.lines("POST", "disks/directory", given)
    assert "# /sbin/mkfs -t xfs /dev/sdb1" in lines
    (made,) = await cell.call("GET", "disks/directory")
    assert (made["path"], made["type"]) == ("/mnt/pve/fast", "xfs")
    assert (await used(cell, "/dev/sdb"), await used(cell, "/dev/sdb1")) == ("partitions", "xfs")
    storage = await cell.call("GET", "/storage/fast")
    assert (storage["type"], storage["path"], storage["nodes"]) == ("dir", "/mnt/pve/fast", "pve1")
    both = {"cleanup-config": 1, "cleanup-disks": 1}
    assert await cell.done("DELETE", "disks/directory/fast", both) == "OK"
    assert await cell.call("GET", "disks/directory") == []
    assert await unused(cell) == SPARE
    assert "fast" not in cell.world.storages


async def test_without_a_clean_up_data_and_storage_stay(cell: Any) -> None:
    given = {"name": "fast", "device": "/dev/sdb", "add_storage": 1}
    assert await cell.done("POST", "disks/directory", given) == "OK"
    refusal = await cell.refusal("PUT", "disks/wipedisk", {"disk": "/dev/sdb"})
    assert refusal.message == "disk/partition '/dev/sdb1' is mounted"
    assert await cell.done("DELETE", "disks/directory/fast") == "OK"
    assert "fast" in cell.world.storages
    assert await used(cell, "/dev/sdb1") == "ext4"
    assert await cell.done("PUT", "disks/wipedisk", {"disk": "/dev/sdb"}) == "OK"
    assert await unused(cell) == SPARE


async def test_a_storage_of_one_name_grows_over_the_nodes(cell: Any) -> None:
    given = {"name": "vg1", "device": "/dev/sdb", "add_storage": 1}
    for node in ("pve1", "pve2"):
        assert await cell.done("POST", "disks/lvm", given, node=node) == "OK"
    assert cell.world.storages["vg1"].nodes == ("pve1", "pve2")
    refusal = await cell.refusal("POST", "disks/lvmthin", given, node="pve3")
    assert "does not match existing storage configuration" in refusal.message
    given["device"] = "/dev/sdc"
    refusal = await cell.refusal("POST", "disks/lvm", given)
    assert refusal.message == "Storage ID 'vg1' already exists on node pve1"
    for node in ("pve1", "pve2"):
        done = await cell.done("DELETE", "disks/lvm/vg1", {"cleanup-config": 1}, node=node)
        assert done == "OK"
    assert "vg1" not in cell.world.storages


async def test_a_thin_pool_is_removed_before_its_volume_group(cell: Any) -> None:
    given = {"name": "thin", "device": "/dev/sdc"}
    assert await cell.done("POST", "disks/lvmthin", given) == "OK"
    pools = {pool["lv"]: pool for pool in await cell.call("GET", "disks/lvmthin")}
    assert set(pools) == {"data", "thin"}
    assert pools["thin"]["lv_size"] < 1 << 40
    refusal = await cell.refusal("PUT", "disks/wipedisk", {"disk": "/dev/sdc"})
    assert refusal.message == "disk/partition '/dev/sdc' has a holder"
    wrong = await cell.done("DELETE", "disks/lvmthin/thin", {"volume-group": "pve"})
    assert wrong == "no such thin pool pve/thin"
    right = {"volume-group": "thin", "cleanup-disks": 1}
    assert await cell.done("DELETE", "disks/lvmthin/thin", right) == "OK"
    assert await unused(cell) == SPARE
    assert await cell.done("DELETE", "disks/lvm/thin") == "no such volume group 'thin'"


async def test_a_zfs_pool_has_the_size_that_its_level_leaves(cell: Any) -> None:
    pair = {"name": "tank", "devices": "/dev/sdb,/dev/sdc", "raidlevel": "mirror"}
    lines = await cell.lines("POST", "disks/zfs", pair | {"add_storage": 1})
    assert lines[0].startswith("# /sbin/zpool create -o ashift=12 tank mirror /dev/disk/by-id/")
    (pool,) = await cell.call("GET", "disks/zfs")
    assert (pool["name"], pool["health"], pool["size"] < 1 << 40) == ("tank", "ONLINE", True)
    (top,) = (await cell.call("GET", "disks/zfs/tank"))["children"]
    assert [vdev["name"] for vdev in top["children"]] == ["mirror-0"]
    assert cell.world.storages["tank"].type == "zfspool"
    assert await used(cell, "/dev/sdc") == "ZFS"
    ended = await cell.done("PUT", "disks/wipedisk", {"disk": "/dev/sdb"})
    assert ended.startswith("error wiping '/dev/sdb'")
    assert await cell.done("DELETE", "disks/zfs/tank", {"cleanup-disks": 1}) == "OK"
    assert await unused(cell) == SPARE
    assert "tank" in cell.world.storages


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"raidlevel": "mirror"}, "mirror needs at least 2 disks"),
        ({"raidlevel": "raid10"}, "raid10 needs an even number of disks"),
        ({"raidlevel": "single", "devices": "/dev/sdb,/dev/sdc"},
         "please give only one disk for single disk mode"),
        ({"raidlevel": "single", "draid-config": "data=1"},
         "draid-config set without using dRAID level"),
        ({"raidlevel": "single", "devices": "/dev/sda"}, "device '/dev/sda' is already in use"),
        ({"raidlevel": "single", "devices": "/dev/sdz"}, "not a valid block device"),
        ({"raidlevel": "single", "devices": "/tmp/x"}, "got unusual device path '/tmp/x'"),
    ],
)  # fmt: skip
async def test_an_impossible_pool_is_refused(cell: Any, given: Any, text: str) -> None:
    refusal = await cell.refusal("POST", "disks/zfs", {"name": "t", "devices": "/dev/sdb"} | given)
    assert (refusal.status, refusal.message) == (500, text)
    assert await unused(cell) == SPARE


async def test_a_new_partition_table_needs_an_unused_disk(cell: Any) -> None:
    assert await cell.done("POST", "disks/initgpt", {"disk": "/dev/sdb"}) == "OK"
    listed = {disk["devpath"]: disk for disk in await cell.call("GET", "disks/list")}
    assert (listed["/dev/sdb"]["gpt"], listed["/dev/sdc"]["gpt"]) == (1, 0)
    refusal = await cell.refusal("POST", "disks/initgpt", {"disk": "/dev/sda"})
    assert refusal.message == "disk /dev/sda already in use"


async def test_created_objects_are_in_the_saved_world(cell: Any) -> None:
    await cell.done("POST", "disks/directory", {"name": "dir1", "device": "/dev/sdb"})
    await cell.done("POST", "disks/lvm", {"name": "vg1", "device": "/dev/sdc"})
    zfs = {"name": "tank", "devices": "/dev/sdd", "raidlevel": "single"}
    await cell.done("POST", "disks/zfs", zfs)
    before = [await cell.call("GET", f"disks/{what}") for what in ("directory", "lvm", "zfs")]
    cell.world.begin_anew(checked(saved(cell.world)))
    assert isinstance(cell.world, World)
    after = [await cell.call("GET", f"disks/{what}") for what in ("directory", "lvm", "zfs")]
    assert before == after
    assert await unused(cell) == []
