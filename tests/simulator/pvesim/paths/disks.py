# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a node: their list, their health, a new partition table, wiping.

Source: `PVE/API2/Disks.pm`. The texts come from the sources, none was seen on a real cluster.
"""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.hostdisks import block_device, disks_of, holding, partitions, wipe
from pvesim.worker import Worker
from pvesim.world import World


@call("GET", "/nodes/{node}/disks/list")
async def disks(world: World, call: Call) -> list[dict[str, Any]]:
    """The disks of a node, with their partitions on request."""
    wanted = call.params.get("type")
    parts = bool(call.params.get("include-partitions"))
    return [
        dict(disk)
        for disk in disks_of(world.nodes[call.node])
        if (parts or "parent" not in disk) and _is_wanted(disk, wanted)
    ]


def _is_wanted(disk: dict[str, Any], wanted: str | None) -> bool:
    used = disk.get("used")
    if wanted == "journal_disks":
        usable = used in (None, "LVM") or (used == "partitions" and disk.get("gpt"))
        return disk.get("osdid", -1) < 0 and bool(usable)
    return wanted is None or not used


@call("GET", "/nodes/{node}/disks/smart")
async def smart(world: World, call: Call) -> dict[str, Any]:
    """The health of a disk; that of a device which is not listed is not known."""
    listed = {disk["devpath"]: disk for disk in disks_of(world.nodes[call.node])}
    disk = listed.get(call.params["disk"], {})
    health = {"health": disk.get("health", "UNKNOWN")}
    if health["health"] == "UNKNOWN" or call.params.get("healthonly"):
        return health
    return health | {"type": "ata", "attributes": []}


@call("POST", "/nodes/{node}/disks/initgpt")
async def init_gpt(world: World, call: Call) -> str:
    """A new partition table."""
    disk = block_device(world.nodes[call.node], str(call.params["disk"]))
    if "parent" in disk:
        raise CallError(500, f"{disk['devpath']} is a partition")
    if disk.get("used"):
        raise CallError(500, f"disk {disk['devpath']} already in use")

    async def work(worker: Worker) -> None:
        await worker.work()
        worker.log("Creating new GPT entries in memory.")
        worker.log("The operation has completed successfully.")
        disk["gpt"] = 1

    name = disk["devpath"].rpartition("/")[2]
    return world.tasks.start(call.node, call.caller.authid, "diskinit", name, work)


@call("PUT", "/nodes/{node}/disks/wipedisk")
async def wipe_disk(world: World, call: Call) -> str:
    """Overwrite a disk or a partition; nothing that is mounted or part of a volume group."""
    node = world.nodes[call.node]
    disk = block_device(node, str(call.params["disk"]))
    for part in (disk, *partitions(node, disk)):
        if part.get("mounted"):
            raise CallError(500, f"disk/partition '{part['devpath']}' is mounted")
    if (held := holding(node, disk)) is not None or disk.get("osdid", -1) >= 0:
        raise CallError(500, f"disk/partition '{held or disk['devpath']}' has a holder")

    async def work(worker: Worker) -> None:
        await worker.work()
        wipe(worker, node, disk)

    name = disk["devpath"].rpartition("/")[2]
    return world.tasks.start(call.node, call.caller.authid, "wipedisk", name, work)
