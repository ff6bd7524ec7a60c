# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and changing configs (`PVE/API2/Qemu.pm`, `PVE/API2/LXC/Config.pm`).

A lock in the config is refused at once; for the lock file a change waits up to ten seconds inside
the API call, also when it goes on in a task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.drives import QEMU_DRIVE, Drive
from pvesim.entities import CONFIG_VALUE, Guest, Volume
from pvesim.guests import (
    api_lock,
    check_digest,
    check_lock,
    check_writable,
    digest,
    guest_of,
    skiplock,
)
from pvesim.hotplug import problem, waits
from pvesim.nested import ended_within, is_error
from pvesim.options import (
    NOT_OPTIONS,
    check_drives,
    check_hookscript,
    drive_pattern,
    is_new,
    known_option,
    make_drive,
    plain_value,
    same_volume,
)
from pvesim.rights import check_options, check_paths
from pvesim.task import Task
from pvesim.upid import Upid
from pvesim.volumes import free
from pvesim.worker import Died, Worker
from pvesim.world import World


@call("GET", "/nodes/{node}/qemu/{vmid}/config")
@call("GET", "/nodes/{node}/lxc/{vmid}/config")
async def get_config(world: World, call: Call) -> dict[str, CONFIG_VALUE]:
    """The config with pending changes, the current one, or that of a snapshot."""
    guest = guest_of(world, call)
    snapshot = call.params.get("snapshot")
    if snapshot is not None:
        if snapshot not in guest.snapshots:
            raise CallError(500, f"snapshot '{snapshot}' does not exist")
        return shown(guest.snapshots[snapshot].section()) | {"digest": digest(guest.config)}
    config = dict(guest.config)
    if not call.params.get("current"):
        for key, value in guest.pending.items():
            if value is None:
                config.pop(key, None)
            else:
                config[key] = value
    return shown(config) | {"digest": digest(guest.config)}


def shown(config: dict[str, CONFIG_VALUE]) -> dict[str, CONFIG_VALUE]:
    """A config without secrets."""
    hidden = {"cipassword": "**********"} if "cipassword" in config else {}
    return config | hidden


@call("GET", "/nodes/{node}/qemu/{vmid}/pending")
@call("GET", "/nodes/{node}/lxc/{vmid}/pending")
async def get_pending(world: World, call: Call) -> list[dict[str, Any]]:
    """Every option with its value, and what it will be."""
    guest = guest_of(world, call)
    config = shown(guest.config)
    entries: list[dict[str, Any]] = []
    for key in sorted({*config, *guest.pending}):
        entry: dict[str, Any] = {"key": key}
        if key in config:
            entry["value"] = config[key]
        if key in guest.pending:
            value = guest.pending[key]
            entry |= {"delete": 1} if value is None else {"pending": value}
        entries.append(entry)
    return [*entries, {"key": "digest", "value": digest(guest.config)}]


@call("PUT", "/nodes/{node}/qemu/{vmid}/config")
@call("PUT", "/nodes/{node}/lxc/{vmid}/config")
async def put_config(world: World, call: Call) -> None:
    """Change the config at once."""
    guest = _checked(world, call)
    async with api_lock(world, guest.type, guest.node, guest.vmid):
        _check_state(world, call, guest)
        try:
            await _apply(world, call, guest, None)
        except Died as exc:
            raise CallError(500, str(exc)) from exc


@call("POST", "/nodes/{node}/qemu/{vmid}/config")
async def post_config(world: World, call: Call) -> str | None:
    """Change the config of a VM in a task, whose first log line repeats the options.

    It is waited for as long as `background_delay` says; nothing comes back when that was enough.
    Whether the caller may change drives is looked at in the task.
    """
    guest = _checked(world, call, drives=False)
    async with api_lock(world, guest.type, guest.node, guest.vmid):
        _check_state(world, call, guest)

    async def work(worker: Worker) -> None:
        worker.log(f"update VM {guest.vmid}: {_command_line(call)}")
        async with worker.guest_lock(guest):
            try:
                check_options(call, guest.type, guest.vmid, _named(call, drives=True))
            except CallError as exc:
                raise Died(f"{exc.status} {exc.message}") from exc
            await _apply(world, call, guest, worker)
            await worker.work()

    upid = world.tasks.start(call.node, call.caller.authid, "qmconfig", guest.vmid, work)
    task = await ended_within(world, upid, int(call.params.get("background_delay") or 0))
    if task is None:
        return upid
    if is_error(task.exitstatus):
        raise CallError(500, f"failed to update VM {guest.vmid}: {task.exitstatus}")
    return None


def _command_line(call: Call) -> str:
    """The options as the log repeats them, sorted, secrets hidden."""
    params = {k: v for k, v in call.params.items() if k not in ("node", "vmid", "digest")}
    if "cipassword" in params:
        params["cipassword"] = "<hidden>"
    return " ".join(f"-{key} {params[key]}" for key in sorted(params))


def _deleted(call: Call) -> list[str]:
    return [key for key in re.split(r"[,; ]+", str(call.params.get("delete", ""))) if key]


def _changes(call: Call) -> dict[str, Any]:
    return {k: v for k, v in call.params.items() if k not in NOT_OPTIONS}


def _named(call: Call, *, drives: bool) -> list[str]:
    """The options that are changed or deleted, drives or all others."""
    every = [*_changes(call), *_deleted(call)]
    return [key for key in every if bool(QEMU_DRIVE.fullmatch(key)) == drives]


def _checked(world: World, call: Call, *, drives: bool = True) -> Guest:
    """What is refused before the lock is requested; `drives`: whether their rights are too."""
    guest = guest_of(world, call)
    skiplock(call)
    changes, deleted = _changes(call), _deleted(call)
    if not changes and not deleted and not call.params.get("revert"):
        raise CallError(500, "no options specified")
    for key in deleted:
        if key == "rootfs":
            raise CallError(500, "unable to delete required option 'rootfs'")
        if not known_option(guest.type, key):
            raise parameter_error(delete=f"unknown option '{key}'")
        if key in changes:
            raise parameter_error(delete=f"Can't use '-{key}' and '-delete {key}' at the same time")
    check_hookscript(world, call)
    named = [*changes, *deleted] if drives else _named(call, drives=False)
    check_options(call, guest.type, guest.vmid, named)
    check_paths(call, guest.type, changes)
    check_drives(world, call, guest.type, changes)
    if not call.params.get("skiplock"):
        check_lock(guest)
    return guest


def _check_state(world: World, call: Call, guest: Guest) -> None:
    """What is refused under the lock."""
    guest_of(world, call)
    if not call.params.get("skiplock"):
        check_lock(guest)
    check_digest(call, guest.config, guest.type)
    check_writable(world, None, guest)


async def _apply(world: World, call: Call, guest: Guest, worker: Worker | None) -> None:
    """Write the changes; what a running guest cannot take now becomes pending."""
    for key in [k for k in re.split(r"[,; ]+", str(call.params.get("revert", ""))) if k]:
        guest.pending.pop(key, None)
    errors: dict[str, str] = {}
    for key in _deleted(call):
        if why := problem(world, guest, key, None):
            guest.pending[key], errors[key] = None, why
        else:
            _delete(world, guest, key, force=bool(call.params.get("force")))
    made: list[Volume] = []
    for key, value in _changes(call).items():
        new = await _value(world, guest, key, value, worker, made)
        if why := _set(world, guest, key, new):
            errors[key] = why
    if errors:
        raise parameter_error(**errors)


def _set(world: World, guest: Guest, key: str, new: CONFIG_VALUE) -> str | None:
    """Set an option or let it wait; why it has to wait, where it should not."""
    why = problem(world, guest, key, new)
    if why or waits(guest, key, new):
        guest.pending[key] = new
    else:
        _replace(world, guest, key, new)
        guest.pending.pop(key, None)
    return why


def _replace(world: World, guest: Guest, key: str, new: CONFIG_VALUE) -> None:
    """Set an option; the volume that was there before is unused, a cloud-init drive goes."""
    old = Drive.parse(key, str(guest.config.get(key, "")))
    guest.config[key] = new
    if drive_pattern(guest.type).fullmatch(key) and old.volume != Drive.parse(key, str(new)).volume:
        _let_go(world, guest, old)


def _let_go(world: World, guest: Guest, drive: Drive) -> None:
    """What becomes of the volume of a drive that the config does not name any more."""
    if drive.cloudinit:
        free(world, drive.volume, guest.node)
    elif not drive.cdrom and drive.storage is not None:
        guest.config[free_unused(guest.config)] = drive.volume


async def _value(
    world: World, guest: Guest, key: str, value: Any, worker: Worker | None, made: list[Volume]
) -> CONFIG_VALUE:
    """The value as the config holds it; volumes are made where it asks for some."""
    if not is_new(guest.type, key, value):
        return same_volume(world, guest, key, plain_value(world, key, value))
    maker = worker or _inline_worker(world, guest)
    return await make_drive(maker, guest.type, guest.vmid, Drive.parse(key, str(value)), made)


def _inline_worker(world: World, guest: Guest) -> Worker:
    """A worker without a task: a synchronous call allocates by itself."""
    return Worker(world, Task(Upid(guest.node, 0, 0, 0, "none", "", "root@pam")), 0.0, None)


def _delete(world: World, guest: Guest, key: str, *, force: bool) -> None:
    """Remove an option; a disk becomes unused or with force goes, as a cloud-init drive does."""
    if key == "lock":
        guest.config.pop(key, None)
        return
    if key not in guest.config:
        guest.pending.pop(key, None)
        return
    if waits(guest, key, None):
        guest.pending[key] = None
        _unboot(guest, key)
        return
    value = guest.config.pop(key)
    _unboot(guest, key)
    if drive_pattern(guest.type).fullmatch(key):
        drive = Drive.parse(key, str(value))
        if force and not drive.cdrom:
            free(world, drive.volume, guest.node)
        else:
            _let_go(world, guest, drive)
    elif re.fullmatch(r"unused\d+", key):
        free(world, str(value), guest.node)


def _unboot(guest: Guest, key: str) -> None:
    """Take what goes out of the boot order, of which a blank is left in the end."""
    order = str(guest.config.get("boot", ""))
    devices = order.removeprefix("order=").split(";")
    if guest.type == "qemu" and order.startswith("order=") and key in devices:
        devices.remove(key)
        _set_plain(guest, "boot", f"order={';'.join(devices)}" if devices else " ")


def _set_plain(guest: Guest, key: str, value: CONFIG_VALUE) -> None:
    """Set an option, at the next start if it has to wait."""
    (guest.pending if waits(guest, key, value) else guest.config)[key] = value


def free_unused(config: Iterable[str]) -> str:
    """The first unusedN that is free."""
    taken = set(config)
    return next(f"unused{n}" for n in range(256) if f"unused{n}" not in taken)
