# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ZFS pools on disks of a node (`PVE/API2/Disks/ZFS.pm`).

The texts come from the sources, none was seen on a real cluster.
"""

from __future__ import annotations

import re
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.entities import Node
from pvesim.formats import split_list
from pvesim.hostdisks import Disk, block_device, check_unused, disk_lock, disks_of, wipe_all
from pvesim.nodestorage import NodeStorage
from pvesim.worker import Died, Worker
from pvesim.world import World

LEAST = {"single": 1, "mirror": 2, "raid10": 4, "raidz": 3, "raidz2": 4, "raidz3": 5,
         "draid": 3, "draid2": 4, "draid3": 5}  # fmt: skip
"""How many disks a level needs."""
OK = {"read": 0, "write": 0, "cksum": 0, "state": "ONLINE", "msg": ""}


def _storage(name: str, total: int = 0) -> NodeStorage:
    return NodeStorage(name, "zfspool", {"pool": name}, total)


def _size(node: Node, pool: dict[str, Any]) -> int:
    """The size in `zpool list`: of mirrors one disk each, of every other level all disks."""
    sizes = [block_device(node, path)["size"] for path in pool["devices"]]
    copies = {"mirror": len(sizes), "raid10": 2}.get(pool["raidlevel"], 1)
    return int(sum(sizes) / copies * 0.99)


@call("GET", "/nodes/{node}/disks/zfs")
async def pools(world: World, call: Call) -> list[dict[str, Any]]:
    """The pools of a node."""
    node = world.nodes[call.node]
    entries = []
    for name, pool in node.zpools.items():
        size = _size(node, pool)
        used = size // 1_000_000
        entry = {"name": name, "size": size, "alloc": used, "free": size - used}
        entries.append(entry | {"frag": 0, "dedup": 1, "health": "ONLINE"})
    return entries


@call("GET", "/nodes/{node}/disks/zfs/{name}")
async def pool(world: World, call: Call) -> dict[str, Any]:
    """One pool and its devices."""
    node, name = world.nodes[call.node], str(call.params["name"])
    if name not in node.zpools:
        raise CallError(500, f"command '/sbin/zpool status -P {name}' failed: exit code 1")
    made = node.zpools[name]
    devices = [{"name": path, **OK, "leaf": 1} for path in made["devices"]]
    if made["raidlevel"] == "raid10":
        below = [
            {"name": f"mirror-{at // 2}", **OK, "leaf": 0, "children": devices[at : at + 2]}
            for at in range(0, len(devices), 2)
        ]
    elif made["raidlevel"] == "single":
        below = devices
    else:
        level = {"raidz": "raidz1", "draid": "draid1"}.get(made["raidlevel"], made["raidlevel"])
        below = [{"name": f"{level}-0", **OK, "leaf": 0, "children": devices}]
    top = {"name": name, **OK, "leaf": 0, "children": below}
    found = {"name": name, "state": "ONLINE", "errors": "No known data errors"}
    return found | {"leaf": 0, "children": [top]}


def _check_count(level: str, count: int) -> None:
    if level == "raid10" and count % 2:
        raise CallError(500, "raid10 needs an even number of disks")
    if level == "single" and count > 1:
        raise CallError(500, "please give only one disk for single disk mode")
    if count < LEAST[level]:
        raise CallError(500, f"{level} needs at least {LEAST[level]} disks")


def _draid(params: Any, level: str, count: int) -> str:
    """How zpool writes the level; raises CallError when there are too few disks for it."""
    given = re.findall(r"(data|spares)=(\d+)", str(params.get("draid-config", "")))
    config = {key: int(number) for key, number in given}
    if not level.startswith("draid"):
        if "draid-config" in params:
            raise CallError(500, "draid-config set without using dRAID level")
        return level
    least = LEAST[level] - 2 + sum(config.values())
    if count < least:
        raise CallError(500, f"At least {least} disks needed for current dRAID config")
    return level + "".join(f":{n}{key[0]}" for key, n in sorted(config.items()) if n)


def _command(name: str, level: str, disks: list[Disk], ashift: object) -> str:
    """How the pool is created."""
    paths = [str(disk.get("by_id_link", disk["devpath"])) for disk in disks]
    if level == "raid10":
        pairs = [f"mirror {paths[at]} {paths[at + 1]}" for at in range(0, len(paths), 2)]
        given = " ".join(pairs)
    else:
        given = " ".join(paths if level == "single" else [level, *paths])
    return f"/sbin/zpool create -o ashift={ashift} {name} {given}"


@call("POST", "/nodes/{node}/disks/zfs")
async def create(world: World, call: Call) -> str:
    """A pool on unused disks."""
    node, params = world.nodes[call.node], call.params
    name, level = str(params["name"]), str(params["raidlevel"])
    disks = [block_device(node, path) for path in split_list(params["devices"])]
    for disk in disks:
        check_unused(disk)
    made = {"devices": [disk["devpath"] for disk in disks], "raidlevel": level}
    storage = _storage(name, _size(node, made))
    if params.get("add_storage"):
        storage.check(world, call)
    if name in node.zpools:
        raise CallError(500, f"pool '{name}' already exists on node '{call.node}'")
    _check_count(level, len(disks))
    written = _draid(params, level, len(disks))

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            for disk in disks:
                check_unused(disk)
            worker.log(f"# {_command(name, written, disks, params.get('ashift', 12))}")
            await worker.work()
            worker.log(f"# /sbin/zfs set compression={params.get('compression', 'on')} {name}")
            worker.log(f"# systemctl enable zfs-import@{name}.service")
            for disk in disks:
                disk["used"] = "ZFS"
            node.zpools[name] = made
            if params.get("add_storage"):
                storage.add(worker)

    return world.tasks.start(call.node, call.caller.authid, "zfscreate", name, work)


@call("DELETE", "/nodes/{node}/disks/zfs/{name}")
async def remove(world: World, call: Call) -> str:
    """Destroy a pool and what is in it."""
    node, name = world.nodes[call.node], str(call.params["name"])

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            disks_of(node)
            if name not in node.zpools:
                worker.log(f"cannot open '{name}': no such pool")
                raise Died(f"command 'zpool destroy {name}' failed: exit code 1")
            await worker.work()
            devices = node.zpools.pop(name)["devices"]
            if call.params.get("cleanup-config"):
                _storage(name).remove(worker)
            if call.params.get("cleanup-disks"):
                wipe_all(worker, node, devices)

    return world.tasks.start(call.node, call.caller.authid, "zfsremove", name, work)
