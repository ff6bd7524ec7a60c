# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cloning of a VM refuses (`PVE/API2/Qemu.pm`, load_and_check of clone_vm).

It is checked before the task starts and again inside it, under its locks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .calls import Call, CallError, parameter_error
from .drives import NET, Drive, disks
from .entities import CONFIG_VALUE, Guest
from .guests import check_allowed, check_lock, check_pool, check_quorum
from .volumes import find_storage, storage_of
from .world import World


@dataclass(frozen=True)
class Request:
    """What the call asks for."""

    vmid: int
    newid: int
    node: str
    params: dict[str, Any]
    caller: Call

    @property
    def target(self) -> str | None:
        """The node that the clone goes to, None for the same."""
        wanted = self.params.get("target")
        return None if wanted in (None, self.node, "localhost") else wanted


def check(world: World, request: Request) -> tuple[Guest, bool]:
    """Everything that is refused before a task starts, and again inside it: source and mode."""
    params, node = request.params, request.node
    check_pool(world, params.get("pool"))
    source = world.guests.get(request.vmid)
    if source is None or source.type != "qemu" or source.node != node:
        raise CallError(
            500, f"unable to find configuration file for VM {request.vmid} on node '{node}'"
        )
    if request.target is not None:
        world.check_node(request.target)
    _check_storage(world, request)
    check_quorum(world)
    check_lock(source)
    config = source_config(source, params.get("snapname"))
    full = bool(params.get("full", not source.template))
    for option in ("storage", "format"):
        if option in params and not full:
            raise CallError(500, f"parameter '{option}' not allowed for linked clones")
    _check_access(world, request, config)
    present = world.guests.get(request.newid)
    if present is not None and present.type == "qemu" and present.node == node:
        raise CallError(500, f"unable to create VM {request.newid}: config file already exists")
    for drive in disks("qemu", config):
        _check_feature(request, drive, full)
        _check_tpm(request, drive, source.running and full)
    return source, full


def source_config(source: Guest, snapname: str | None) -> dict[str, CONFIG_VALUE]:
    """The config that is cloned: the current one, or that of a snapshot."""
    if snapname is None:
        return dict(source.config)
    if snapname not in source.snapshots:
        raise CallError(500, f"snapshot '{snapname}' does not exist")
    return dict(source.snapshots[snapname].config)


def _check_storage(world: World, request: Request) -> None:
    """The requested storage: it exists, is fit for disks, and shared if the node changes."""
    name = request.params.get("storage")
    if name is None:
        return
    storage = find_storage(world, name, request.node)
    if "images" not in storage.content:
        raise parameter_error(storage=f"storage '{name}' does not support vm images")
    if request.target is not None:
        find_storage(world, name, request.target)
        if not storage.shared:
            raise CallError(500, f"can't clone to non-shared storage '{name}'")


def _check_access(world: World, request: Request, config: dict[str, CONFIG_VALUE]) -> None:
    """Space on every target storage, the use of every bridge, and no local disk to elsewhere."""
    shared = True
    for drive in disks("qemu", config):
        name = request.params.get("storage", drive.storage)
        check_allowed(request.caller, f"/storage/{name}", "Datastore.AllocateSpace")
        shared = shared and storage_of(world, drive.volume).shared
    for key, value in config.items():
        if NET.fullmatch(key):
            options = Drive.parse(key, str(value)).options
            if "bridge" in options:
                path = f"/sdn/zones/localnetwork/{options['bridge']}"
                tag = f"/{options['tag']}" if "tag" in options else ""
                check_allowed(request.caller, path + tag, "SDN.Use")
    if request.target is not None and not shared:
        raise CallError(500, f"can't clone VM to node '{request.target}' (VM uses local storage)")


def _check_feature(request: Request, drive: Drive, full: bool) -> None:
    """Whether the storage can clone this disk in this way."""
    if full or drive.cloudinit:
        return
    base = "base-" in drive.volume.rpartition("/")[2]
    if request.params.get("snapname"):
        what = f"a snapshot of '{drive.volume}'"
    elif not base:
        what = f"'{drive.volume}'"
    else:
        return
    raise CallError(500, f"Linked clone feature is not supported for {what} ({drive.key})")


def _check_tpm(request: Request, drive: Drive, copies_running: bool) -> None:
    """The state of a TPM cannot be copied while it is in use, except from a snapshot."""
    if copies_running and drive.key == "tpmstate0" and "snapname" not in request.params:
        raise CallError(500, "cannot clone TPM state while VM is running")
