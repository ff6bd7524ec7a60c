# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restoring VMs and containers from backups shares.

An existing guest is only overwritten with `force`. What it had is removed when the new volumes
are there, so that a restore that fails before leaves it as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .calls import Call, CallError
from .destroy import own_volumes
from .drives import NET, with_mac
from .entities import CONFIG_VALUE, Guest, Volume
from .guests import (
    api_lock,
    check_allowed,
    check_lock,
    check_pool,
    check_quorum,
    check_unused,
    config_file,
    forget,
    new_mac,
)
from .volumes import find_storage, find_volume, free
from .worker import Died, Worker
from .world import World


@dataclass
class Restore:
    """One restore: the guest, and what it was before if it existed."""

    call: Call
    guest: Guest
    old: Guest | None
    made: list[Volume] = field(default_factory=list)

    @property
    def volid(self) -> str:
        """The archive."""
        return str(self.call.params["archive" if self.guest.type == "qemu" else "ostemplate"])

    def archive(self, worker: Worker) -> tuple[Volume, dict[str, CONFIG_VALUE]]:
        """The archive and the config in it; raises Died when it is not there."""
        volume = find_volume(worker.world, self.volid, worker.node)
        if volume is None:
            raise Died(f"volume '{self.volid}' does not exist")
        if volume.config is None:
            raise Died(f"unable to extract configuration from '{self.volid}'")
        return volume, dict(volume.config)

    def undo(self, worker: Worker) -> None:
        """The volumes go; of a new VM an empty config stays, of a container nothing.

        An old guest is as it was.
        """
        for volume in self.made:
            free(worker.world, volume.volid, worker.node)
        if self.old is None and self.guest.type == "qemu":
            self.guest.config = {}
        elif self.old is None:
            forget(worker.world, self.guest)
        else:
            self.guest.config = self.old.config

    def finish(self, worker: Worker, config: dict[str, CONFIG_VALUE]) -> None:
        """The guest becomes that of the backup; its old volumes are removed."""
        world, params = worker.world, self.call.params
        if self.old is not None:
            for volid in own_volumes(self.old):
                free(world, volid, worker.node)
        self.guest.snapshots.clear()
        self.guest.pending.clear()
        if params.get("unique"):
            for key in [key for key in config if NET.fullmatch(key)]:
                config[key] = with_mac(str(config[key]), new_mac(world))
        self.guest.config = {k: v for k, v in config.items() if k not in ("lock", "parent")}
        if params.get("pool"):
            world.pools[params["pool"]].members.add(self.guest.vmid)


async def prepare(world: World, call: Call, guest_type: str) -> Restore:
    """What the call itself does: checks, and the config with `lock: create`."""
    vmid, force = int(call.params["vmid"]), bool(call.params.get("force"))
    check_quorum(world)
    check_pool(world, call.params.get("pool"))
    existing = world.guests.get(vmid)
    _check_rights(call, vmid, overwrites=force and existing is not None)
    volid = str(call.params["archive" if guest_type == "qemu" else "ostemplate"])
    _check_archive(world, call, volid)
    prefix = f"unable to restore VM {vmid} - " if guest_type == "qemu" else ""
    async with api_lock(world, guest_type, call.node, vmid, patience=5.0):
        existing = world.guests.get(vmid)
        same = existing is not None and (existing.type, existing.node) == (guest_type, call.node)
        if existing is None or not (force and same):
            if force and guest_type == "qemu" and existing is not None:
                name = config_file(guest_type, call.node, vmid)
                text = f"close (rename) atomic file '/etc/pve/{name}' failed: File exists"
                raise CallError(500, prefix + text)
            check_unused(world, vmid, prefix)
            guest = Guest(vmid, guest_type, call.node, {"lock": "create"})
            world.guests[vmid] = guest
            return Restore(call, guest, None)
        check_lock(existing)
        if guest_type == "lxc" and existing.running:
            raise CallError(500, "can't overwrite running container")
        if existing.config.get("protection"):
            label = existing.label
            text = f"can't remove {label} {vmid} - protection mode enabled"
            raise CallError(500, f"{prefix or 'unable to restore - '}{text}")
        old = Guest(
            vmid, guest_type, call.node, dict(existing.config), snapshots=existing.snapshots
        )
        existing.config["lock"] = "create"
        return Restore(call, existing, old)


def _check_rights(call: Call, vmid: int, *, overwrites: bool) -> None:
    """VM.Backup to overwrite, else VM.Allocate on the guest or its pool; space on the storage."""
    may, pool = call.caller.may, call.params.get("pool")
    if storage := call.params.get("storage"):
        check_allowed(call, f"/storage/{storage}", "Datastore.AllocateSpace")
    allocate = may(f"/vms/{vmid}", "VM.Allocate") or (
        bool(pool) and may(f"/pool/{pool}", "VM.Allocate")
    )
    if not allocate and not (overwrites and may(f"/vms/{vmid}", "VM.Backup")):
        raise CallError(403, "Permission check failed")


def _check_archive(world: World, call: Call, volid: str) -> None:
    """The storage of the archive: there, and the caller's to read."""
    name, colon, path = volid.partition(":")
    if not colon:
        raise CallError(500, "Only root can pass arbitrary filesystem paths.")
    find_storage(world, name, call.node)
    if path.startswith("vztmpl/"):
        wrong = "content type needs to be 'backup'"
        raise CallError(500, f"unable to use volume {volid} - {wrong}")
    if not path.startswith("backup/"):
        raise CallError(500, f"unable to parse directory volume name '{path}'")
    volume = find_volume(world, volid, call.node)
    owner = volume.vmid if volume else None
    if owner is None or not call.caller.may(f"/vms/{owner}", "VM.Backup"):
        check_allowed(call, f"/storage/{name}", "Datastore.Allocate")
    else:
        check_allowed(call, f"/storage/{name}", "Datastore.AllocateSpace")
