# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of guests (`PVE/API2/Qemu.pm`, `PVE/API2/LXC/Snapshot.pm`, `PVE/AbstractConfig.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.autostart import start
from pvesim.calls import Call, CallError, call
from pvesim.drives import NET, disks
from pvesim.entities import CONFIG_VALUE, OF_STATE, Guest, Snapshot, Volume
from pvesim.guests import as_death, check_lock, check_writable, digest, guest_of, reload
from pvesim.power import clean_up, power_off, power_on
from pvesim.states import make_state, state_storage
from pvesim.vmstatus import machine
from pvesim.volumes import (
    FILE_TYPES,
    find_volume,
    free,
    state_name,
    storage_of,
    volume_format,
    volume_path,
)
from pvesim.worker import Died, Worker
from pvesim.world import World

RESERVED = ("current", "pending")
NOT_SAVED = ("lock", "parent")


def prefix(guest: Guest) -> str:
    """What the task types of this type of guest begin with."""
    return "qm" if guest.type == "qemu" else "vz"


@call("GET", "/nodes/{node}/qemu/{vmid}/snapshot")
@call("GET", "/nodes/{node}/lxc/{vmid}/snapshot")
async def snapshots(world: World, call: Call) -> list[dict[str, Any]]:
    """The snapshots, and the state now as `current`."""
    guest = guest_of(world, call)
    entries: list[dict[str, Any]] = []
    for snapshot in guest.snapshots.values():
        entry: dict[str, Any] = {
            "name": snapshot.name,
            "description": snapshot.description,
            "snaptime": snapshot.snaptime,
        }
        if guest.type == "qemu":
            entry["vmstate"] = int(snapshot.vmstate)
        if snapshot.parent:
            entry["parent"] = snapshot.parent
        entries.append(entry)
    now: dict[str, Any] = {
        "name": "current",
        "description": "You are here!",
        "digest": digest(guest.config),
    }
    now["running"] = int(guest.running)
    if guest.config.get("parent"):
        now["parent"] = guest.config["parent"]
    return [*entries, now]


@call("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}")
@call("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}")
async def snapshot_index(_world: World, _call: Call) -> list[dict[str, str]]:
    """What there is below a snapshot."""
    return [{"cmd": "rollback"}, {"cmd": "config"}]


@call("POST", "/nodes/{node}/qemu/{vmid}/snapshot")
@call("POST", "/nodes/{node}/lxc/{vmid}/snapshot")
async def create(world: World, call: Call) -> str:
    """Take a snapshot; that the name is used is found in the task."""
    guest, name = guest_of(world, call), call.params["snapname"]
    if name in RESERVED:
        raise CallError(500, f"unable to use snapshot name '{name}' (reserved name)")

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            _prepare(worker, guest, name)
            guest.config["lock"] = "snapshot"
            try:
                await _take(worker, guest, name, bool(call.params.get("vmstate")))
            except Died:
                guest.config.pop("lock", None)
                raise
            check_writable(world, worker, guest)
            guest.config.pop("lock")
            _keep(world, guest, call)

    return world.tasks.start(
        call.node, call.caller.authid, f"{prefix(guest)}snapshot", guest.vmid, work
    )


def _prepare(worker: Worker, guest: Guest, name: str) -> None:
    """What a task refuses before it takes a snapshot."""
    reload(worker, guest)
    check_lock(guest)
    check_writable(worker.world, worker, guest)
    if guest.template:
        raise Died("you can't take a snapshot if it's a template")
    if name in guest.snapshots:
        raise Died(f"snapshot name '{name}' already used")
    for drive in disks(guest.type, guest.config):
        storage = storage_of(worker.world, drive.volume)
        raw_file = storage.type in FILE_TYPES and volume_format(drive.volume) == "raw"
        if raw_file or storage.type == "lvm":
            raise Died("snapshot feature is not available")


def _running_state(world: World, guest: Guest, name: str) -> dict[str, CONFIG_VALUE]:
    """The config of a VM whose memory is in the snapshot, beside its own keys."""
    kvm = world.nodes[guest.node].system.get("cpuinfo", {}).get("hvm", "1")
    flags = ["enforce", "+kvm_pv_eoi", "+kvm_pv_unhalt"] if kvm else []
    cpu = str(guest.config.get("cpu", "kvm64")).partition(",")[0].removeprefix("cputype=")
    nets = sorted(key for key in guest.config if NET.fullmatch(key))
    found: dict[str, CONFIG_VALUE] = {
        "vmstate": state_name(state_storage(world, guest), guest.vmid, name),
        "runningmachine": machine(guest),
        "runningcpu": ",".join([cpu, *flags, "+lahf_lm", "+sep"]),
    }
    return found | (
        {"running-nets-host-mtu": ",".join(f"{key}=1500" for key in nets)} if nets else {}
    )


async def _take(worker: Worker, guest: Guest, name: str, vmstate: bool) -> None:
    """The work itself, with what QEMU's side prints."""
    if vmstate and guest.running and guest.type == "qemu":
        size = int(guest.config.get("memory", 512)) / 1024 * 0.6
        volid = await make_state(worker, guest, name)
        worker.log(f"saving VM state and RAM using storage '{volid.partition(':')[0]}'")
        await worker.work(0.8)
        worker.log(f"{size:.2f} GiB in 1s")
        worker.log(f"completed saving the VM state in 1s, saved {size:.2f} GiB")
        await worker.work(0.2)
    else:
        await worker.work()
    if guest.type != "qemu":
        return
    if guest.running and not vmstate:
        worker.log("skipping guest filesystem freeze - disabled in VM options")
    for drive in disks(guest.type, guest.config):
        worker.log(f"snapshotting 'drive-{drive.key}' ({drive.volume})")
        _check_there(worker, guest, drive.volume, name)
        if guest.running and volume_format(drive.volume) == "qcow2":
            worker.log("internal qemu snapshot")


def _check_there(worker: Worker, guest: Guest, volid: str, name: str) -> None:
    """qemu-img cannot take a snapshot of a file that is gone."""
    storage = storage_of(worker.world, volid)
    gone = find_volume(worker.world, volid, guest.node) is None
    if not gone or guest.running or storage.type not in FILE_TYPES:
        return
    path = volume_path(storage, Volume(volid, "images", volume_format(volid), 0, guest.vmid))
    why = f"Could not open '{path}'"
    worker.log(f"qemu-img: {why}: {why}: No such file or directory")
    worker.log("snapshot create failed: starting cleanup")
    raise Died(f"command '/usr/bin/qemu-img snapshot -c {name} {path}' failed: exit code 1 ")


def _keep(world: World, guest: Guest, call: Call) -> None:
    """Note the snapshot in the config; it is the parent of what follows."""
    name, parent = call.params["snapname"], guest.config.get("parent")
    config = {k: v for k, v in guest.config.items() if k not in NOT_SAVED}
    vmstate = bool(call.params.get("vmstate")) and guest.running and guest.type == "qemu"
    if vmstate:
        config |= _running_state(world, guest, name)
    guest.snapshots[name] = Snapshot(
        name,
        int(world.time_at(guest.node)),
        str(parent) if parent else None,
        config,
        call.params.get("description", ""),
        vmstate,
    )
    guest.config["parent"] = name


@call("DELETE", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}")
@call("DELETE", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}")
async def delete(world: World, call: Call) -> str:
    """Remove a snapshot; that there is none is found in the task."""
    guest, name = guest_of(world, call), call.params["snapname"]

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            reload(worker, guest)
            if not call.params.get("force"):
                check_lock(guest)
            check_writable(world, worker, guest)
            snapshot = _existing(guest, name)
            guest.config["lock"] = "snapshot-delete"
            try:
                await worker.work()
            finally:
                if not worker.task.killed:
                    guest.config.pop("lock", None)
            if "vmstate" in snapshot.config:
                free(world, str(snapshot.config["vmstate"]), guest.node)
            del guest.snapshots[name]
            _reparent(guest, name, snapshot.parent)

    return world.tasks.start(
        call.node, call.caller.authid, f"{prefix(guest)}delsnapshot", guest.vmid, work
    )


def _existing(guest: Guest, name: str) -> Snapshot:
    snapshot = guest.snapshots.get(name)
    if snapshot is None:
        raise Died(f"snapshot '{name}' does not exist")
    return snapshot


def _reparent(guest: Guest, name: str, parent: str | None) -> None:
    """Children of a removed snapshot get its parent."""
    for other in guest.snapshots.values():
        if other.parent == name:
            other.parent = parent
    if guest.config.get("parent") == name:
        if parent:
            guest.config["parent"] = parent
        else:
            del guest.config["parent"]


@call("POST", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback")
@call("POST", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback")
async def rollback(world: World, call: Call) -> str:
    """Go back to a snapshot; a running guest is stopped."""
    guest, name = guest_of(world, call), call.params["snapname"]

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            reload(worker, guest)
            snapshot = _existing(guest, name)
            check_lock(guest)
            check_writable(world, worker, guest)
            if guest.running and guest.type == "qemu":
                clean_up(world, guest)
            power_off(guest)
            guest.config["lock"] = "rollback"
            try:
                await worker.work()
            finally:
                if not worker.task.killed:
                    guest.config.pop("lock", None)
            saved = {k: v for k, v in snapshot.config.items() if k not in OF_STATE}
            guest.config = {**saved, "parent": name}
            guest.pending.clear()
            if snapshot.vmstate:
                _tell_mtu(worker, str(snapshot.config.get("running-nets-host-mtu", "")))
                power_on(worker, guest)
        if call.params.get("start") and not guest.running:
            async with as_death():
                await start(worker, call, guest)

    return world.tasks.start(
        call.node, call.caller.authid, f"{prefix(guest)}rollback", guest.vmid, work
    )


def _tell_mtu(worker: Worker, saved: str) -> None:
    """Network devices get the MTU that they had when the memory was saved."""
    for part in filter(None, saved.split(",")):
        net, _unused, mtu = part.partition("=")
        worker.log(f"netdev {net}: using 'host_mtu={mtu}' for migration compat")


@call("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config")
@call("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config")
async def get_config(world: World, call: Call) -> dict[str, Any]:
    """The config as it was, with the snapshot's own keys."""
    return dict(_found(guest_of(world, call), call.params["snapname"]).section())


@call("PUT", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config")
@call("PUT", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config")
async def put_config(world: World, call: Call) -> None:
    """Change the description of a snapshot."""
    snapshot = _found(guest_of(world, call), call.params["snapname"])
    if "description" in call.params:
        snapshot.description = call.params["description"]


def _found(guest: Guest, name: str) -> Snapshot:
    if name not in guest.snapshots:
        raise CallError(500, f"snapshot '{name}' does not exist")
    return guest.snapshots[name]
