# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource pools, which may hold others (`PVE/API2/Pool.pm`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.cfs import changing
from pvesim.entities import Pool
from pvesim.formats import split_list
from pvesim.permissions import denied
from pvesim.world import World

from .cluster import guest_status, storage_status

FILE = "user_cfg"
NOT_IN_POOLS = ("lock", "tags", "pool", "hastate")
"""Fields of a guest in /cluster/resources that members of a pool do not have."""


def known_pool(world: World, poolid: str) -> Pool:
    """A pool; raises CallError when there is none."""
    if poolid not in world.pools:
        raise CallError(500, f"pool '{poolid}' does not exist")
    return world.pools[poolid]


def _entry(pool: Pool) -> dict[str, Any]:
    return {"poolid": pool.poolid} | ({"comment": pool.comment} if pool.comment else {})


def _members(world: World, call: Call, pool: Pool) -> Iterator[dict[str, Any]]:
    wanted = call.params.get("type")
    for vmid in sorted(pool.members):
        guest = world.guests.get(vmid)
        if guest is not None and wanted in (None, guest.type):
            entry = guest_status(world, guest, call.node)
            yield {key: value for key, value in entry.items() if key not in NOT_IN_POOLS}
    for name in sorted(pool.storages) if wanted in (None, "storage") else ():
        if storage := world.storages.get(name):
            nodes = storage.nodes or tuple(world.nodes)
            where = call.node if call.node in nodes else nodes[0]
            yield storage_status(world, storage, where, call.node)


@call("GET", "/pools")
async def pools(world: World, call: Call) -> list[dict[str, Any]]:
    """The pools that the caller may see, or one with its members."""
    if (wanted := call.params.get("poolid")) is not None:
        found = known_pool(world, wanted)
        if not call.caller.may(f"/pool/{wanted}", "Pool.Audit"):
            raise denied(f"/pool/{wanted}, Pool.Audit")
        return [_entry(found) | {"members": list(_members(world, call, found))}]
    return [
        _entry(pool)
        for _poolid, pool in sorted(world.pools.items())
        if call.caller.may(f"/pool/{pool.poolid}", "Pool.Audit")
    ]


@call("GET", "/pools/{poolid}")
async def pool(world: World, call: Call) -> dict[str, Any]:
    """One pool with its members; a nested one cannot be named in a path."""
    found = known_pool(world, call.params["poolid"])
    return _entry(found) | {"members": list(_members(world, call, found))}


@call("POST", "/pools")
async def create(world: World, call: Call) -> None:
    """A new pool, empty; the parent of a nested one must be there."""
    poolid = call.params["poolid"]
    async with changing(world, FILE, "create pool failed"):
        if poolid in world.pools:
            raise CallError(500, f"pool '{poolid}' already exists")
        parent = poolid.rpartition("/")[0]
        if parent and parent not in world.pools:
            text = f"parent '{parent}' of pool '{poolid}' does not exist"
            raise CallError(500, text)
        world.pools[poolid] = Pool(poolid, call.params.get("comment", ""))


@call("PUT", "/pools")
@call("PUT", "/pools/{poolid}")
async def update(world: World, call: Call) -> None:
    """Another comment, more members or, with `delete`, fewer; all of it or nothing."""
    params = call.params
    async with changing(world, FILE, "update pools failed"):
        found = known_pool(world, params["poolid"])
        vmids = [int(vmid) for vmid in split_list(params.get("vms", ""))]
        storages = split_list(params.get("storage", ""))
        for vmid in vmids:
            _check_guest(world, call, found, vmid)
        for storage in storages:
            _check_storage(call, found, storage)
        found.comment = params.get("comment", found.comment)
        if params.get("delete"):
            found.members -= set(vmids)
            found.storages -= set(storages)
            return
        for other in world.pools.values():
            other.members -= set(vmids)
        found.members |= set(vmids)
        found.storages |= set(storages)


def _check_modify(call: Call, path: str, privilege: str) -> None:
    wanted = ("Permissions.Modify", privilege)
    if not any(call.caller.may(path, name) for name in wanted):
        raise denied(f"{path}, {'|'.join(wanted)}")


def _check_guest(world: World, call: Call, pool: Pool, vmid: int) -> None:
    """Refuse a guest that cannot go in, or out; a VMID need not be that of a guest."""
    _check_modify(call, f"/vms/{vmid}", "VM.Allocate")
    if call.params.get("delete"):
        if vmid not in pool.members:
            raise CallError(500, f"VM {vmid} is not a pool member")
        return
    if vmid in pool.members:
        raise CallError(500, f"VM {vmid} is already a pool member")
    for other in world.pools.values():
        if vmid not in other.members:
            continue
        if not call.params.get("allow-move"):
            text = f"VM {vmid} belongs already to pool '{other.poolid}' and 'allow-move' is not set"
            raise CallError(500, text)
        if not call.caller.may(f"/pool/{other.poolid}", "Pool.Allocate"):
            raise denied(f"/pool/{other.poolid}, Pool.Allocate")


def _check_storage(call: Call, pool: Pool, storage: str) -> None:
    _check_modify(call, f"/storage/{storage}", "Datastore.Allocate")
    if call.params.get("delete"):
        if storage not in pool.storages:
            raise CallError(500, f"Storage '{storage}' is not a pool member")
    elif storage in pool.storages:
        raise CallError(500, f"Storage '{storage}' is already a pool member")


@call("DELETE", "/pools")
@call("DELETE", "/pools/{poolid}")
async def delete(world: World, call: Call) -> None:
    """Remove a pool with nothing in it, and its lines of the access control list."""
    poolid = call.params["poolid"]
    async with changing(world, FILE, "delete pool failed"):
        content = _first_content(world, known_pool(world, poolid))
        if content:
            raise CallError(500, f"pool '{poolid}' is not empty (contains {content})")
        del world.pools[poolid]
        world.acl = [line for line in world.acl if line.path != f"/pool/{poolid}"]


def _first_content(world: World, pool: Pool) -> str:
    """What keeps a pool from being removed; members that are gone do not count."""
    for other in sorted(world.pools):
        if other.startswith(f"{pool.poolid}/"):
            return f"pool '{other}'"
    for vmid in sorted(pool.members):
        if vmid in world.guests:
            return f"VM {vmid}"
    for storage in sorted(pool.storages):
        if storage in world.storages:
            return f"storage '{storage}'"
    return ""
