# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems of Ceph (`PVE/API2/Ceph/FS.pm`). No text was seen on a real cluster."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.ceph import add_pool, check_reached, daemons_of, is_up, refused, total
from pvesim.entities import Storage
from pvesim.worker import Died, Worker
from pvesim.world import World

from .ceph_services import mds_states

CONTENT = ("backup", "iso", "vztmpl")
FEWEST = 8
ACTIVE = "all MDS daemons must be inactive/failed before removing filesystem. See `ceph fs fail`."


@call("GET", "/nodes/{node}/ceph/fs")
async def filesystems(world: World, _call: Call) -> list[dict[str, Any]]:
    """The file systems with their pools."""
    check_reached(world)
    return [{"name": name, **fs} for name, fs in world.ceph["filesystems"].items()]


@call("POST", "/nodes/{node}/ceph/fs/{name}")
async def create(world: World, call: Call) -> str:
    """A file system with two pools of its own; a metadata server has to stand by."""
    check_reached(world)
    name, pools = str(call.params["name"]), world.ceph["pools"]
    data, metadata = f"{name}_data", f"{name}_metadata"
    if data in pools or metadata in pools:
        raise CallError(500, f"ceph pools '{data}' and/or '{metadata}' already exist")
    if name in world.ceph["filesystems"]:
        raise CallError(500, f"ceph fs '{name}' already exists")
    states = mds_states(world)
    if not states:
        raise CallError(500, "no running Metadata Server (MDS) found!")
    if "up:standby" not in states.values():
        raise CallError(500, "no standby Metadata Server (MDS) found!")
    groups = int(call.params.get("pg_num", 128))

    async def work(worker: Worker) -> None:
        worker.log(f"creating data pool '{data}'...")
        worker.log(f"pool {data}: applying application = cephfs")
        worker.log(f"pool {data}: applying pg_num = {groups}")
        await worker.work(0.5)
        add_pool(world, data, {"application": "cephfs", "pg_num": groups})
        worker.log(f"creating metadata pool '{metadata}'...")
        quarter = groups // 4 if groups >= 4 * FEWEST else FEWEST
        worker.log(f"pool {metadata}: applying pg_num = {quarter}")
        await worker.work(0.5)
        add_pool(world, metadata, {"application": "cephfs", "pg_num": quarter})
        worker.log(f"configuring new CephFS '{name}'")
        world.ceph["filesystems"][name] = {"metadata_pool": metadata, "data_pool": data}
        worker.log(f"Successfully create CephFS '{name}'")
        if call.params.get("add-storage"):
            _add_storage(worker, name)

    return world.tasks.start(call.node, call.caller.authid, "cephfscreate", name, work)


def _add_storage(worker: Worker, name: str) -> None:
    world = worker.world
    worker.log(f"Adding '{name}' to storage configuration...")
    if name in world.storages:
        reason = f"create storage failed: storage ID '{name}' already defined"
        text = f"adding storage for CephFS '{name}' failed, check log and add manually!"
        raise Died(f"{text}\n{reason}")
    made = Storage(name, "cephfs", CONTENT, shared=True, total=total(world) // 3)
    made.options = {"path": f"/mnt/pve/{name}", "fs-name": name}
    world.storages[name] = made


@call("DELETE", "/nodes/{node}/ceph/fs/{name}")
async def destroy(world: World, call: Call) -> str:
    """Remove a file system whose metadata servers are stopped, with its pools on request."""
    check_reached(world)
    name, params = str(call.params["name"]), call.params
    if name not in world.ceph["filesystems"]:
        raise CallError(500, f"no such cephfs '{name}'")

    async def work(worker: Worker) -> None:
        if params.get("remove-storages"):
            _remove_storages(world, name)
        await worker.work()
        if any(is_up(world, mds) for mds in daemons_of(world, "mds").values()):
            raise Died(refused("fs rm", ACTIVE))
        removed = world.ceph["filesystems"].pop(name)
        if params.get("remove-pools"):
            for kind in ("metadata", "data"):
                pool = removed[f"{kind}_pool"]
                worker.log(f"removing {kind} pool '{pool}'")
                world.ceph["pools"].pop(pool, None)

    return world.tasks.start(call.node, call.caller.authid, "cephdestroyfs", name, work)


def _remove_storages(world: World, name: str) -> None:
    """Forget the storages on a file system, which have to be disabled."""
    storages = [
        storage
        for storage in world.storages.values()
        if storage.type == "cephfs" and storage.options.get("fs-name", name) == name
    ]
    for storage in storages:
        if not storage.disable:
            text = "make sure to disable and unmount the storage first"
            raise Died(f"storage '{storage.id}' is not disabled, {text}")
    for storage in storages:
        del world.storages[storage.id]
