# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume groups and thin pools on disks of a node (`PVE/API2/Disks/LVM.pm`, `LVMThin.pm`).

The texts come from the sources, none was seen on a real cluster.
"""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, call
from pvesim.entities import Node
from pvesim.hostdisks import block_device, check_unused, disk_lock, disks_of, wipe_all
from pvesim.nodestorage import NodeStorage
from pvesim.worker import Died, Worker
from pvesim.world import World

EXTENT = 4 << 20
KIB = 1024
THIN_SPARE = 128 << 20
"""What a thin pool leaves free of its volume group."""
GROUP_TEXT = "volume group with name '{}' already exists on node '{}'"


def _size(node: Node, devices: list[str]) -> int:
    """What the disks hold, in whole extents and without the first one."""
    return sum(block_device(node, path)["size"] // EXTENT * EXTENT - EXTENT for path in devices)


def _metadata(size: int) -> int:
    """One percent, at least 1 and at most 16 GiB."""
    return min(max(size // 100, 1 << 30), 16 << 30)


def _lvm(name: str, total: int = 0) -> NodeStorage:
    return NodeStorage(name, "lvm", {"vgname": name}, total)


def _lvmthin(group: str, pool: str, total: int = 0) -> NodeStorage:
    return NodeStorage(pool, "lvmthin", {"vgname": group, "thinpool": pool}, total)


@call("GET", "/nodes/{node}/disks/lvm")
async def volume_groups(world: World, call: Call) -> dict[str, Any]:
    """The tree of volume groups and the devices below them."""
    node = world.nodes[call.node]
    disks_of(node)
    return {"leaf": 0, "children": [_group(node, name) for name in sorted(node.volume_groups)]}


def _group(node: Node, name: str) -> dict[str, Any]:
    group = node.volume_groups[name]
    pools = group["thinpools"].values()
    size = _size(node, group["devices"])
    left = max(0, size - sum(pool + 2 * _metadata(pool) for pool in pools))
    left = 0 if "osd" in group else left
    devices = [
        {"name": path, "size": _size(node, [path]), "free": left if number == 0 else 0, "leaf": 1}
        for number, path in enumerate(group["devices"])
    ]
    entry = {"name": name, "size": size, "free": left, "lvcount": len(pools) + ("osd" in group)}
    return entry | {"leaf": 0, "children": devices}


@call("GET", "/nodes/{node}/disks/lvmthin")
async def thin_pools(world: World, call: Call) -> list[dict[str, Any]]:
    """The thin pools of all volume groups."""
    node = world.nodes[call.node]
    disks_of(node)
    return [
        {
            "lv": pool,
            "vg": name,
            "lv_size": size,
            "used": _used(world, call.node, name, pool),
            "metadata_size": _metadata(size),
            "metadata_used": _metadata(size) // 50,
        }
        for name, group in node.volume_groups.items()
        for pool, size in group["thinpools"].items()
    ]


def _used(world: World, node: str, group: str, pool: str) -> int:
    """What the volumes of the storages on a thin pool hold."""
    where = {"vgname": group, "thinpool": pool}
    return sum(
        volume.size if volume.used is None else volume.used
        for storage in world.storages.values()
        if where.items() <= storage.options.items()
        for volume in storage.volumes
        if volume.node in (None, node)
    )


def _make_group(worker: Worker, node: Node, name: str, device: str) -> None:
    """pvcreate and vgcreate on an unused disk."""
    disk = block_device(node, device)
    check_unused(disk)
    if name in node.volume_groups:
        raise Died(GROUP_TEXT.format(name, node.name))
    worker.log(f'  Physical volume "{device}" successfully created.')
    worker.log(f'  Volume group "{name}" successfully created')
    disk["used"] = "LVM"
    node.volume_groups[name] = {"devices": [device], "thinpools": {}}


@call("POST", "/nodes/{node}/disks/lvm")
async def create_group(world: World, call: Call) -> str:
    """A volume group on an unused disk."""
    node, name = world.nodes[call.node], str(call.params["name"])
    disk = block_device(node, str(call.params["device"]))
    check_unused(disk)
    storage = _lvm(name, disk["size"])
    if call.params.get("add_storage"):
        storage.check(world, call)

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            await worker.work()
            _make_group(worker, node, name, disk["devpath"])
            if call.params.get("add_storage"):
                storage.add(worker)

    return world.tasks.start(call.node, call.caller.authid, "lvmcreate", name, work)


@call("POST", "/nodes/{node}/disks/lvmthin")
async def create_pool(world: World, call: Call) -> str:
    """A volume group on an unused disk, and in it a thin pool of the same name."""
    node, name = world.nodes[call.node], str(call.params["name"])
    disk = block_device(node, str(call.params["device"]))
    check_unused(disk)
    size = _size(node, [disk["devpath"]]) - THIN_SPARE
    size -= 2 * _metadata(size)
    storage = _lvmthin(name, name, size)
    if call.params.get("add_storage"):
        storage.check(world, call)

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            await worker.work()
            _make_group(worker, node, name, disk["devpath"])
            worker.log(f'  Logical volume "{name}" created.')
            node.volume_groups[name]["thinpools"][name] = size
            if call.params.get("add_storage"):
                storage.add(worker)

    return world.tasks.start(call.node, call.caller.authid, "lvmthincreate", name, work)


@call("DELETE", "/nodes/{node}/disks/lvm/{name}")
async def remove_group(world: World, call: Call) -> str:
    """Destroy a volume group and what is in it."""
    node, name = world.nodes[call.node], str(call.params["name"])

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            disks_of(node)
            if name not in node.volume_groups:
                raise Died(f"no such volume group '{name}'")
            await worker.work()
            for pool in node.volume_groups[name]["thinpools"]:
                worker.log(f'  Logical volume "{pool}" successfully removed.')
            worker.log(f'  Volume group "{name}" successfully removed')
            devices = node.volume_groups.pop(name)["devices"]
            if call.params.get("cleanup-config"):
                _lvm(name).remove(worker)
            if call.params.get("cleanup-disks"):
                wipe_all(worker, node, devices)

    return world.tasks.start(call.node, call.caller.authid, "lvmremove", name, work)


@call("DELETE", "/nodes/{node}/disks/lvmthin/{name}")
async def remove_pool(world: World, call: Call) -> str:
    """Destroy a thin pool; its volume group goes only with the clean-up of the disks."""
    node, name = world.nodes[call.node], str(call.params["name"])
    group = str(call.params["volume-group"])

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            disks_of(node)
            pools = node.volume_groups.get(group, {}).get("thinpools", {})
            if name not in pools:
                raise Died(f"no such thin pool {group}/{name}")
            await worker.work()
            worker.log(f'  Logical volume "{name}" successfully removed.')
            del pools[name]
            if call.params.get("cleanup-config"):
                _lvmthin(group, name).remove(worker)
            if call.params.get("cleanup-disks"):
                if pools:
                    raise Died(f"volume group '{group}' still in use")
                wipe_all(worker, node, node.volume_groups.pop(group)["devices"])

    ident = f"{group}-{name}"
    return world.tasks.start(call.node, call.caller.authid, "lvmthinremove", ident, work)
