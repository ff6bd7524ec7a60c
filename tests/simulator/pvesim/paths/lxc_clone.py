# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloning a container (`PVE/API2/LXC.pm`, clone_vm).

Other than for a VM, the API call itself puts `lock: disk` into the config of the source and makes
the target with `lock: create`, so only one clone of a source runs at a time.
"""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.containers import make_volume, rsync_report
from pvesim.drives import NET, Drive, disks, drives, with_mac
from pvesim.entities import CONFIG_VALUE, Guest, Volume
from pvesim.guests import (
    api_lock,
    as_death,
    check_allowed,
    check_lock,
    check_pool,
    check_quorum,
    check_unused,
    check_writable,
    find,
    forget,
    new_mac,
)
from pvesim.volumes import CLEANUP, FILE_TYPES, allocate, find_storage, free, storage_of
from pvesim.worker import Died, Interrupted, Worker
from pvesim.world import World

AT_FIRST = ("arch", "cores", "hostname", "memory", "ostype", "swap", "unprivileged")
"""What the config of the clone has from the beginning, as the source has it."""
NOT_COPIED = ("lock", "template", "parent", "snaptime", "description")


@call("POST", "/nodes/{node}/lxc/{vmid}/clone")
async def clone(world: World, call: Call) -> str:
    """Lock the source, make the target, start the copy."""
    vmid, newid = call.params["vmid"], call.params["newid"]
    check_pool(world, call.params.get("pool"))
    _check_target(world, call)
    check_quorum(world)
    source = find(world, "lxc", call.node, vmid)
    async with api_lock(world, "lxc", call.node, vmid):
        source = find(world, "lxc", call.node, vmid)
        check_lock(source)
        check_writable(world, None, source)
        source.config["lock"] = "disk"
    try:
        config, full = _check(world, call, source)
        async with api_lock(world, "lxc", call.node, newid, patience=5.0):
            check_unused(world, newid)
            early = {k: v for k, v in config.items() if k in AT_FIRST}
            if "hostname" in call.params:
                early["hostname"] = call.params["hostname"]
            target = Guest(newid, "lxc", call.node, {**early, "lock": "create"})
            world.guests[newid] = target
    except CallError:
        source.config.pop("lock", None)
        raise

    async def work(worker: Worker) -> None:
        await _work(worker, call, source, target, config, full)

    pace = "vzclone" if full else "vzclone.linked"
    return world.tasks.start(
        call.node, call.caller.authid, "vzclone", vmid, work, target=newid, pace=pace
    )


def _target_node(call: Call) -> str | None:
    """The node that the clone goes to, None for the same."""
    wanted = call.params.get("target")
    return None if wanted in (None, call.node, "localhost") else str(wanted)


def _check_target(world: World, call: Call) -> None:
    """The requested node and storage."""
    target, name = _target_node(call), call.params.get("storage")
    if target is not None:
        world.check_node(target)
    if name is None:
        return
    storage = find_storage(world, name, call.node)
    if "rootdir" not in storage.content:
        raise parameter_error(storage=f"storage '{name}' does not support container directories")
    if target is not None:
        find_storage(world, name, target)
        if not storage.shared:
            raise CallError(500, f"can't clone to non-shared storage '{name}'")


def _check(world: World, call: Call, source: Guest) -> tuple[dict[str, CONFIG_VALUE], bool]:
    """What is refused once the source is locked: the config to clone and the mode."""
    name = call.params.get("snapname")
    if name is not None and name not in source.snapshots:
        raise CallError(500, f"snapshot '{name}' does not exist")
    full = bool(call.params.get("full", not source.template))
    if "storage" in call.params and not full:
        raise CallError(500, "parameter 'storage' not allowed for linked clones")
    if full and source.running and name is None:
        text = "Full clone of a running container is only possible from a snapshot"
        raise CallError(500, text)
    config = dict(source.snapshots[name].config if name else source.config)
    _check_mounts(config)
    shared = True
    for drive in disks("lxc", config):
        storage = storage_of(world, drive.volume)
        base = "base-" in drive.volume.rpartition("/")[2]
        if not full and (not base or storage.type in FILE_TYPES):
            raise CallError(500, f"Linked clone feature for '{drive.volume}' is not available")
        wanted = call.params.get("storage", storage.id)
        check_allowed(call, f"/storage/{wanted}", "Datastore.AllocateSpace")
        shared = shared and storage.shared
    if _target_node(call) is not None and not shared:
        where = _target_node(call)
        raise CallError(500, f"can't clone CT to node '{where}' (CT uses local storage)")
    return config, full


def _check_mounts(config: dict[str, CONFIG_VALUE]) -> None:
    """What lies outside the storages cannot be cloned."""
    for drive in drives("lxc", config):
        if drive.storage is None:
            kind = "device" if drive.volume.startswith("/dev/") else "bind"
            raise CallError(500, f"unable to clone mountpoint '{drive.key}' (type {kind})")


async def _work(
    worker: Worker,
    call: Call,
    source: Guest,
    target: Guest,
    config: dict[str, CONFIG_VALUE],
    full: bool,
) -> None:
    """The worker: the source is unlocked in any case, unless the worker is killed."""
    world, made = worker.world, list[Volume]()
    worker.log(f"creating a clone of container {source.vmid} with ID {target.vmid}")
    try:
        final = await _copy(worker, call, target, config, full, made)
        async with as_death():
            check_writable(world, worker, target)
    except Died as exc:
        await worker.sleep(CLEANUP)
        for volume in made:
            free(world, volume.volid, worker.node)
        _give_up(worker, source, target)
        if isinstance(exc, Interrupted):
            raise Died("clone failed: interrupted by signal") from exc
        raise exc.prefixed("clone failed: ") from exc
    source.config.pop("lock", None)
    target.config = final
    target.node = _target_node(call) or target.node
    if call.params.get("pool"):
        world.pools[call.params["pool"]].members.add(target.vmid)


def _give_up(worker: Worker, source: Guest, target: Guest) -> None:
    """Unlock the source and remove the target; both stay locked where nothing can be written."""
    try:
        check_writable(worker.world, worker, source)
    except CallError as exc:
        why = exc.message.rpartition(" - ")[2]
        worker.log(exc.message)
        worker.log(f"Failed to remove target CT config - failed to remove config file: {why}\n")
        return
    source.config.pop("lock", None)
    forget(worker.world, target)


async def _copy(
    worker: Worker,
    call: Call,
    target: Guest,
    config: dict[str, CONFIG_VALUE],
    full: bool,
    made: list[Volume],
) -> dict[str, CONFIG_VALUE]:
    """Copy the mount points and return the config of the clone."""
    final = _new_config(worker.world, call, config)
    mounts = list(disks("lxc", config))
    total = sum(drive.size for drive in mounts) or 1
    limit = int(call.params.get("bwlimit") or 0)
    if full and limit:
        worker.duration = total / (limit * 1024)
    for drive in mounts:
        share = drive.size / total
        wanted = str(call.params.get("storage", drive.storage))
        if full:
            worker.log(f"create full clone of mountpoint {drive.key} ({drive.volume})")
            new = await make_volume(worker, target.vmid, drive, wanted, drive.size, made)
            await worker.work(share)
            rsync_report(worker, drive.size)
            final[drive.key] = str(new)
            continue
        worker.log(f"create linked clone of mountpoint {drive.key} ({drive.volume})")
        storage = storage_of(worker.world, drive.volume)
        volume = await allocate(
            worker, storage, "rootdir", target.vmid, drive.size, "raw", parent=drive.volume
        )
        made.append(volume)
        await worker.work(share)
        final[drive.key] = str(Drive(drive.key, volume.volid, dict(drive.options)))
    worker.judge()
    return final


def _new_config(
    world: World, call: Call, config: dict[str, CONFIG_VALUE]
) -> dict[str, CONFIG_VALUE]:
    """The config of the source with another name and other MAC addresses."""
    final: dict[str, Any] = {
        k: v for k, v in config.items() if k not in NOT_COPIED and "unused" not in k
    }
    for key, value in final.items():
        if NET.fullmatch(key):
            final[key] = with_mac(str(value), new_mac(world))
    old = config.get("hostname", call.params["vmid"])
    final["hostname"] = call.params.get("hostname") or f"Copy-of-CT-{old}"
    if call.params.get("description"):
        final["description"] = call.params["description"]
    return final
