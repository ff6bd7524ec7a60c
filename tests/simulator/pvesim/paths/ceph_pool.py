# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools of Ceph and the storages on them (`PVE/API2/Ceph/Pool.pm`).

No text was seen on a real cluster.
"""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.ceph import add_pool, check_reached, pool_used, refused, total
from pvesim.entities import Storage
from pvesim.guests import check_allowed
from pvesim.worker import Died, Worker
from pvesim.world import World

SETTINGS = ("application", "crush_rule", "min_size", "pg_autoscale_mode", "pg_num", "pg_num_min",
            "size", "target_size", "target_size_ratio")  # fmt: skip
RULE = "replicated_rule"


def _given(call: Call) -> dict[str, Any]:
    """The settings of a call; size is set first, because it resets min_size."""
    names = ["size", *(name for name in SETTINGS if name != "size")]
    return {name: call.params[name] for name in names if name in call.params}


def _apply(worker: Worker, name: str, settings: dict[str, Any]) -> None:
    for key, value in settings.items():
        worker.log(f"pool {name}: applying {key} = {value}")
    add_pool(worker.world, name, settings)


@call("GET", "/nodes/{node}/ceph/pool")
async def pools(world: World, _call: Call) -> list[dict[str, Any]]:
    """The pools with what they hold."""
    check_reached(world)
    return [_entry(world, name) for name in world.ceph["pools"]]


def _entry(world: World, name: str) -> dict[str, Any]:
    pool, used = world.ceph["pools"][name], pool_used(world, name)
    optional = ("pg_num_min", "target_size", "target_size_ratio")
    return {
        "pool": pool["id"],
        "pool_name": name,
        "type": "replicated",
        **{key: pool[key] for key in ("size", "min_size", "pg_num", "pg_autoscale_mode")},
        **{key: pool[key] for key in optional if key in pool},
        "crush_rule": 0,
        "crush_rule_name": pool["crush_rule"],
        "application_metadata": {pool["application"]: {}},
        "bytes_used": used,
        "percent_used": used / (total(world) or 1),
    }


@call("GET", "/nodes/{node}/ceph/rules")
async def rules(world: World, _call: Call) -> list[dict[str, str]]:
    """The rules by which copies are spread."""
    check_reached(world)
    return [{"name": RULE}]


@call("GET", "/nodes/{node}/ceph/pool/{name}")
async def index(_world: World, _call: Call) -> list[dict[str, str]]:
    """What there is below a pool."""
    return [{"name": "status"}]


@call("GET", "/nodes/{node}/ceph/pool/{name}/status")
async def pool_status(world: World, call: Call) -> dict[str, Any]:
    """The settings of a pool."""
    check_reached(world)
    name = str(call.params["name"])
    if name not in world.ceph["pools"]:
        raise CallError(500, refused("osd pool get", f"unrecognized pool '{name}'"))
    pool = dict(world.ceph["pools"][name])
    app = pool.pop("application")
    found = {**pool, "name": name, "pgp_num": pool["pg_num"], "nodelete": "0", "hashpspool": "1"}
    if call.params.get("verbose"):
        used = {"bytes_used": pool_used(world, name)}
        found |= {"application_list": [app], "statistics": used}
    return found


@call("POST", "/nodes/{node}/ceph/pool")
async def create(world: World, call: Call) -> str:
    """A pool, with a storage on it on request; an existing one gets the settings."""
    check_reached(world)
    name, given = str(call.params["name"]), _given(call)
    coded = "erasure-coding" in call.params
    storage = bool(call.params.get("add_storages", coded))
    if storage:
        check_allowed(call, "/storage", "Datastore.Allocate")
    pool = f"{name}-metadata" if coded else name

    async def work(worker: Worker) -> None:
        await worker.work()
        if coded:
            worker.log(f"created new erasure code profile 'pve_ec_{name}'")
            apart = ("size", "min_size", "crush_rule")
            _apply(worker, f"{name}-data", {k: v for k, v in given.items() if k not in apart})
        usual = {"size": 3, "min_size": 2, "pg_num": 32 if coded else 128, "application": "rbd"}
        _apply(worker, pool, usual | {"pg_autoscale_mode": "warn"} | given)
        if storage:
            _add_storage(world, name, pool, coded)

    return world.tasks.start(call.node, call.caller.authid, "cephcreatepool", pool, work)


def _add_storage(world: World, name: str, pool: str, coded: bool) -> None:
    if name in world.storages:
        reason = f"create storage failed: storage ID '{name}' already defined"
        raise Died(f"adding PVE storage for ceph pool '{name}' failed: {reason}")
    made = Storage(name, "rbd", ("rootdir", "images"), shared=True, total=total(world) // 3)
    made.options = {"pool": pool, "krbd": 0} | ({"data-pool": f"{name}-data"} if coded else {})
    world.storages[name] = made


@call("PUT", "/nodes/{node}/ceph/pool/{name}")
async def change(world: World, call: Call) -> str:
    """Other settings for a pool."""
    check_reached(world)
    name, given = str(call.params["name"]), _given(call)

    async def work(worker: Worker) -> None:
        await worker.work()
        if name in world.ceph["pools"]:
            _apply(worker, name, given)
            return
        for key, value in given.items():
            worker.log(f"pool {name}: applying {key} = {value}")
            worker.log(refused("osd pool set", f"unrecognized pool '{name}'"))
        raise Died(f"Could not set: {', '.join(sorted(given))}")

    return world.tasks.start(call.node, call.caller.authid, "cephsetpool", name, work)


@call("DELETE", "/nodes/{node}/ceph/pool/{name}")
async def destroy(world: World, call: Call) -> str:
    """Destroy a pool; with guests' disks in it only with `force`."""
    check_reached(world)
    name = str(call.params["name"])
    if call.params.get("remove_storages"):
        check_allowed(call, "/storage", "Datastore.Allocate")

    async def work(worker: Worker) -> None:
        storages = [s for s in world.storages.values() if s.type == "rbd"]
        on_it = [s for s in storages if name in (s.options.get("pool", "rbd"),
                                                 s.options.get("data-pool"))]  # fmt: skip
        if not call.params.get("force"):
            _check_empty(worker, name, on_it)
        if name not in world.ceph["pools"]:
            raise Died(refused("osd pool get", f"unrecognized pool '{name}'"))
        await worker.work()
        del world.ceph["pools"][name]
        for storage in on_it:
            storage.volumes.clear()
            if call.params.get("remove_storages") and "monhost" not in storage.options:
                del world.storages[storage.id]

    return world.tasks.start(call.node, call.caller.authid, "cephdestroypool", name, work)


def _check_empty(worker: Worker, name: str, storages: list[Storage]) -> None:
    for storage in storages:
        worker.log(f"checking storage '{storage.id}' for RBD images..")
        if storage.volumes:
            raise Died(f"ceph pool '{name}' still in use by storage '{storage.id}'")
