# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems on disks of a node, mounted below /mnt/pve (`PVE/API2/Disks/Directory.pm`).

The texts come from the sources, none was seen on a real cluster.
"""

from __future__ import annotations

import uuid
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.entities import Node
from pvesim.hostdisks import add_partition, block_device, check_unused, disk_lock, wipe_all
from pvesim.nodestorage import NodeStorage
from pvesim.worker import Died, Worker
from pvesim.world import World


def _unit(name: str) -> str:
    return f"/etc/systemd/system/mnt-pve-{name.replace('-', chr(92) + 'x2d')}.mount"


def _uuid(node: Node, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{node.name} {name}"))


def _storage(name: str, total: int = 0) -> NodeStorage:
    return NodeStorage(name, "dir", {"path": f"/mnt/pve/{name}"}, total)


@call("GET", "/nodes/{node}/disks/directory")
async def directories(world: World, call: Call) -> list[dict[str, Any]]:
    """The file systems with the units that mount them."""
    node = world.nodes[call.node]
    return [
        {
            "unitfile": _unit(name),
            "path": f"/mnt/pve/{name}",
            "device": f"/dev/disk/by-uuid/{_uuid(node, name)}",
            "type": made["type"],
            "options": "defaults",
        }
        for name, made in node.directories.items()
    ]


@call("POST", "/nodes/{node}/disks/directory")
async def create(world: World, call: Call) -> str:
    """A partition over all of an unused disk, with a file system that is mounted."""
    node, name = world.nodes[call.node], str(call.params["name"])
    disk = block_device(node, str(call.params["device"]))
    check_unused(disk)
    storage = _storage(name, disk["size"])
    if call.params.get("add_storage"):
        storage.check(world, call)
    if name in node.directories:
        device = node.directories[name]["device"]
        text = f"the path for '{name}' is already mounted: /mnt/pve/{name} ({device})"
        raise CallError(500, text)
    kind = str(call.params.get("filesystem", "ext4"))

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            check_unused(disk)
            worker.log(f"# /sbin/sgdisk -n1 -t1:8300 {disk['devpath']}")
            worker.log("The operation has completed successfully.")
            part = add_partition(node, disk, kind, mounted=True)["devpath"]
            worker.log(f"# /sbin/mkfs -t {kind} {part}")
            await worker.work()
            worker.log(f"# /sbin/blkid {part} -o export")
            unit = _unit(name).rpartition("/")[2]
            at = f"/etc/systemd/system/multi-user.target.wants/{unit}"
            worker.log(f"Created symlink '{at}' → '{_unit(name)}'.")
            node.directories[name] = {"device": part, "type": kind}
            if call.params.get("add_storage"):
                storage.add(worker)

    return world.tasks.start(call.node, call.caller.authid, "dircreate", name, work)


@call("DELETE", "/nodes/{node}/disks/directory/{name}")
async def remove(world: World, call: Call) -> str:
    """Unmount it; the data stay on the disk unless that is cleaned up, too."""
    node, name = world.nodes[call.node], str(call.params["name"])

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            unit = _unit(name).rpartition("/")[2]
            if name not in node.directories:
                reason = f"Failed to stop {unit}: Unit {unit} not loaded."
                worker.log(reason)
                raise Died(f"command 'systemctl stop {unit}' failed: exit code 5")
            await worker.work()
            made = node.directories.pop(name)
            part = block_device(node, made["device"])
            part.pop("mounted", None)
            worker.log(f"Removed '/etc/systemd/system/multi-user.target.wants/{unit}'.")
            if call.params.get("cleanup-config"):
                _storage(name).remove(worker)
            if call.params.get("cleanup-disks"):
                wipe_all(worker, node, [made["device"]])

    return world.tasks.start(call.node, call.caller.authid, "dirremove", name, work)
