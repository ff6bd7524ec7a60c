# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the calls on guests share: finding them, their config files and locks, their rights."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .calls import Call, CallError
from .entities import Guest
from .locks import LockTimeout, guest_lock_file
from .worker import Died
from .world import World

if TYPE_CHECKING:
    from .worker import Worker

DIRECTORY = {"qemu": "qemu-server", "lxc": "lxc"}


def type_of(call: Call) -> str:
    """qemu or lxc, from the path."""
    return "lxc" if call.template.startswith("/nodes/{node}/lxc") else "qemu"


def config_file(guest_type: str, node: str, vmid: int) -> str:
    """The config file below /etc/pve, as messages name it."""
    return f"nodes/{node}/{DIRECTORY[guest_type]}/{vmid}.conf"


def find(world: World, guest_type: str, node: str, vmid: int) -> Guest:
    """The guest of a path."""
    guest = world.guests.get(vmid)
    if guest is None or guest.type != guest_type or guest.node != node:
        raise CallError(
            500, f"Configuration file '{config_file(guest_type, node, vmid)}' does not exist"
        )
    return guest


def guest_of(world: World, call: Call) -> Guest:
    """The guest that a call names."""
    return find(world, type_of(call), call.node, int(call.params["vmid"]))


def check_lock(guest: Guest) -> None:
    """Refuse a guest with a lock in its config."""
    if guest.lock:
        raise CallError(500, f"{guest.label} is locked ({guest.lock})")


@asynccontextmanager
async def api_lock(
    world: World, guest_type: str, node: str, vmid: int, patience: float = 10.0
) -> AsyncIterator[None]:
    """Hold a guest's lock file inside an API call, which blocks its daemon meanwhile."""
    try:
        lock = world.locks.flock(node, guest_lock_file(guest_type, vmid), patience=patience)
        await lock.__aenter__()
    except LockTimeout as exc:
        raise CallError(500, str(exc)) from exc
    try:
        yield
    finally:
        await lock.__aexit__(None, None, None)


@asynccontextmanager
async def as_death() -> AsyncIterator[None]:
    """Inside a worker, what refuses an API call is how the task dies."""
    try:
        yield
    except CallError as exc:
        raise Died(exc.message) from exc


def reload(worker: Worker, guest: Guest) -> Guest:
    """The guest as a worker finds it when it has its lock."""
    try:
        return find(worker.world, guest.type, worker.node, guest.vmid)
    except CallError as exc:
        raise Died(exc.message) from exc


def check_unused(world: World, vmid: int, prefix: str = "") -> None:
    """Refuse a VMID that any guest of the cluster has (check_vmid_unused)."""
    guest = world.guests.get(vmid)
    if guest is not None:
        raise CallError(500, f"{prefix}{guest.label} {vmid} already exists on node '{guest.node}'")


def check_quorum(world: World) -> None:
    """Refuse what needs a writable /etc/pve."""
    if not world.quorate:
        raise CallError(500, "cluster not ready - no quorum?")


def writable(world: World, node: str) -> bool:
    """Whether a node can write to /etc/pve: with quorum, and its pmxcfs is there."""
    return world.quorate and world.nodes[node].pmxcfs == "up"


def check_writable(world: World, worker: Worker | None, guest: Guest) -> None:
    """Refuse to write the config of a guest where /etc/pve takes nothing."""
    node = worker.node if worker else guest.node
    if not writable(world, node):
        away = world.nodes[node].pmxcfs == "down"
        why = "No such file or directory" if away else "Permission denied"
        pid = worker.task.upid.pid if worker else 1000 + guest.vmid
        name = config_file(guest.type, guest.node, guest.vmid)
        raise CallError(500, f"unable to open file '/etc/pve/{name}.tmp.{pid}' - {why}")


def check_pool(world: World, pool: str | None) -> None:
    """Refuse a pool that is not there: 403, as Proxmox VE does."""
    if pool is not None and pool not in world.pools:
        raise CallError(403, f"Permission check failed (pool '{pool}' does not exist)")


def check_allowed(call: Call, path: str, *privileges: str) -> None:
    """Refuse a caller who lacks one of the privileges on `path`."""
    for privilege in privileges:
        if not call.caller.may(path, privilege):
            raise CallError(403, f"Permission check failed ({path}, {privilege})")


def may_see(call: Call, guest: Guest) -> bool:
    """Whether lists show the guest to this caller."""
    return call.caller.may(f"/vms/{guest.vmid}", "VM.Audit")


def skiplock(call: Call) -> bool:
    """Whether locks are to be ignored; only root@pam with a ticket may say so."""
    if not call.params.get("skiplock"):
        return False
    check_root_only(call, "skiplock")
    return True


def check_root_only(call: Call, *options: str) -> None:
    """Refuse options that only root@pam with a ticket may use."""
    for option in options:
        if option in call.params and call.caller.authid != "root@pam":
            message = "Only root may use this option."
            raise CallError(400, "Parameter verification failed.", {option: message})


def digest(config: Mapping[str, Any]) -> str:
    """The SHA-1 of a config, as `digest` gives it."""
    text = "".join(f"{key}: {config[key]}\n" for key in sorted(config))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def check_digest(call: Call, config: Mapping[str, Any], guest_type: str = "") -> None:
    """Refuse a change of a config that is not the one that the caller has seen."""
    wanted = call.params.get("digest")
    if not wanted or wanted == digest(config):
        return
    if guest_type == "qemu":
        raise CallError(500, "checksum mismatch (file change by other user?)")
    raise CallError(500, "detected modified configuration - file changed by other user? Try again.")


def forget(world: World, guest: Guest) -> None:
    """Remove the config of a guest, and with it the guest."""
    if world.guests.get(guest.vmid) is guest:
        del world.guests[guest.vmid]
    for pool in world.pools.values():
        pool.members.discard(guest.vmid)


def new_mac(world: World) -> str:
    """A MAC address in the prefix of Proxmox."""
    return "BC:24:11:" + ":".join(f"{world.random.randrange(256):02X}" for _unused in range(3))


def new_uuid(world: World) -> str:
    """A random UUID, the same in every run with the same seed and calls."""
    number = f"{world.random.getrandbits(128):032x}"
    return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-8{number[17:20]}-{number[20:]}"
