# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource pools (`PVE/API2/Pool.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.entities import Pool
from pvesim.world import World


def _entry(pool: Pool) -> dict[str, Any]:
    return {"poolid": pool.poolid} | ({"comment": pool.comment} if pool.comment else {})


def _members(world: World, pool: Pool) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{guest.kind}/{vmid}",
            "vmid": vmid,
            "type": guest.kind,
            "node": guest.node,
            "status": guest.status,
            "name": guest.name or str(vmid),
        }
        for vmid in sorted(pool.members)
        if (guest := world.guests.get(vmid)) is not None
    ]


@call("GET", "/pools")
async def pools(world: World, call: Call) -> list[dict[str, Any]]:
    """The pools that the caller may see, or one with its members."""
    wanted = call.params.get("poolid")
    if wanted is not None and wanted not in world.pools:
        raise CallError(500, f"pool '{wanted}' does not exist")
    return [
        _entry(pool) | ({"members": _members(world, pool)} if wanted else {})
        for pool in world.pools.values()
        if wanted in (None, pool.poolid) and call.caller.may(f"/pool/{pool.poolid}", "Pool.Audit")
    ]


@call("GET", "/pools/{poolid}")
async def pool(world: World, call: Call) -> dict[str, Any]:
    """One pool with its members."""
    found = world.pools.get(call.params["poolid"])
    if found is None:
        raise CallError(500, f"pool '{call.params['poolid']}' does not exist")
    return {"members": _members(world, found)} | (
        {"comment": found.comment} if found.comment else {}
    )
