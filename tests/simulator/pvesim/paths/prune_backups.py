# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing old backups of a storage (`PVE/API2/Storage/PruneBackups.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.archives import Archive, marks, parse_keep
from pvesim.calls import Call, call, parameter_error
from pvesim.entities import Storage, Volume
from pvesim.guests import check_allowed
from pvesim.volumes import find_storage
from pvesim.worker import Worker
from pvesim.world import World


def _groups(call: Call, storage: Storage) -> dict[tuple[str, int], list[Volume]]:
    """The backups that the call is about, by guest."""
    groups: dict[tuple[str, int], list[Volume]] = {}
    for volume in storage.volumes:
        archive = Archive.of(volume)
        if archive is None or volume.node not in (None, call.node):
            continue
        wanted = call.params
        fits = wanted.get("type", archive.type) == archive.type
        if fits and wanted.get("vmid", archive.vmid) == archive.vmid:
            groups.setdefault((archive.type, archive.vmid), []).append(volume)
    return groups


def _keep(call: Call, storage: Storage) -> dict[str, int]:
    """The retention of the call, or of the storage."""
    text = call.params.get("prune-backups") or storage.options.get("prune-backups")
    if not text:
        raise parameter_error(**{"prune-backups": "no retention options configured"})
    return parse_keep(str(text))


@call("GET", "/nodes/{node}/storage/{storage}/prunebackups")
async def preview(world: World, call: Call) -> list[dict[str, Any]]:
    """What a prune would keep and remove."""
    storage = find_storage(world, call.params["storage"], call.node)
    keep = _keep(call, storage)
    entries: list[dict[str, Any]] = []
    for (guest_type, vmid), group in sorted(_groups(call, storage).items()):
        table = marks(group, keep)
        for volume in sorted(group, key=lambda v: v.volid):
            entry = {"volid": volume.volid, "ctime": volume.ctime, "mark": table[volume.volid]}
            entries.append(entry | {"type": guest_type, "vmid": vmid})
    return entries


@call("DELETE", "/nodes/{node}/storage/{storage}/prunebackups")
async def prune(world: World, call: Call) -> str:
    """Remove what the retention does not keep."""
    storage = find_storage(world, call.params["storage"], call.node)
    vmid = call.params.get("vmid")
    if not call.caller.may(f"/storage/{storage.id}", "Datastore.Allocate"):
        if vmid is None:
            check_allowed(call, f"/storage/{storage.id}", "Datastore.Allocate")
        check_allowed(call, f"/storage/{storage.id}", "Datastore.AllocateSpace")
        check_allowed(call, f"/vms/{vmid}", "VM.Backup")
    keep = _keep(call, storage)

    async def work(worker: Worker) -> None:
        await worker.work()
        for _guest, group in sorted(_groups(call, storage).items()):
            for volid, mark in sorted(marks(group, keep).items()):
                if mark == "remove":
                    worker.log(f"removing backup '{volid}'")
                    storage.volumes[:] = [v for v in storage.volumes if v.volid != volid]

    ident = storage.id if vmid is None else f"{vmid}@{storage.id}"
    return world.tasks.start(call.node, call.caller.authid, "prunebackups", ident, work)
