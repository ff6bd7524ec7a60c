# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating a container from an OS template (`PVE/API2/LXC.pm`, create_vm)."""

from __future__ import annotations

import re
from typing import Any

from pvesim.archives import packed, tar_records, tar_totals
from pvesim.autostart import autostart
from pvesim.calls import Call, CallError, call
from pvesim.containers import make_volume
from pvesim.drives import LXC_DRIVE, Drive
from pvesim.entities import CONFIG_VALUE, Guest, Volume
from pvesim.guests import (
    api_lock,
    as_death,
    check_allowed,
    check_pool,
    check_quorum,
    check_unused,
    check_writable,
    forget,
    writable,
)
from pvesim.options import check_drives, plain_value
from pvesim.rights import ONLY_ROOT, check_options, check_paths
from pvesim.volumes import find_storage, find_volume, free, storage_path
from pvesim.worker import Died, Worker
from pvesim.world import World

from .lxc_restore import NOT_CONFIG, restore_ct

SSH_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]+=*(?: .*)?$")
DEFAULTS: dict[str, CONFIG_VALUE] = {"memory": 512, "swap": 512}


@call("POST", "/nodes/{node}/lxc")
async def create(world: World, call: Call) -> str:
    """Create a container; the config exists, locked, when the answer comes."""
    vmid = int(call.params["vmid"])
    if call.params.get("restore"):
        return await restore_ct(world, call)
    check_quorum(world)
    check_unused(world, vmid)
    check_pool(world, call.params.get("pool"))
    _check_rights(call, vmid)
    _check_keys(str(call.params.get("ssh-public-keys", "")))
    options = {k: v for k, v in call.params.items() if k not in NOT_CONFIG}
    _check_template(world, call)
    given = dict(options)
    options |= _volumes(call, options)
    check_options(call, "lxc", vmid, [k for k in options if k != "unprivileged"])
    check_paths(call, "lxc", given)
    check_drives(world, call, "lxc", options)
    guest = Guest(vmid, "lxc", call.node, {"lock": "create"})
    async with api_lock(world, "lxc", call.node, vmid, patience=5.0):
        check_unused(world, vmid)
        world.guests[vmid] = guest

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            await _create(world, call, worker, guest, options)
        await autostart(worker, call, guest)

    return world.tasks.start(call.node, call.caller.authid, "vzcreate", vmid, work, target=vmid)


def _check_keys(text: str) -> None:
    """Every line has to be a public key, which the server asks ssh-keygen."""
    for line in text.splitlines():
        if line.strip() and not SSH_KEY.search(line):
            raise CallError(500, "SSH public key validation error")


def _check_rights(call: Call, vmid: int) -> None:
    """VM.Allocate on the guest or its pool; a privileged container needs more."""
    pool = call.params.get("pool")
    if not call.caller.may(f"/vms/{vmid}", "VM.Allocate") and not (
        pool and call.caller.may(f"/pool/{pool}", "VM.Allocate")
    ):
        raise CallError(403, "Permission check failed")
    if not call.params.get("unprivileged", 1):
        check_allowed(call, "/", "Sys.Modify")


def _check_template(world: World, call: Call) -> None:
    """The OS template must be a volume of a storage that is there; the file is looked at later."""
    volid = str(call.params["ostemplate"])
    name, colon, path = volid.partition(":")
    if not colon:
        raise CallError(500, ONLY_ROOT)
    find_storage(world, name, call.node)
    if not path.startswith("vztmpl/"):
        raise CallError(500, f"unable to parse directory volume name '{path}'")
    may = call.caller.may
    if not (
        may(f"/storage/{name}", "Datastore.AllocateSpace")
        or may(f"/storage/{name}", "Datastore.Audit")
    ):
        raise CallError(403, f"Permission check failed (/storage/{name}, Datastore.AllocateSpace)")


def _volumes(call: Call, options: dict[str, Any]) -> dict[str, str]:
    """The mount points, a bare size on the default storage; without any, a root of 4 GiB."""
    storage = call.params.get("storage", "local")
    found = {k: str(v) for k, v in options.items() if LXC_DRIVE.fullmatch(k)}
    if not found:
        found["rootfs"] = f"{storage}:4"
    if "rootfs" not in found:
        raise CallError(500, "you need to specify a root file system with a mount point")
    for key, value in found.items():
        drive = Drive.parse(key, value)
        if drive.new_size is not None and drive.storage is None:
            found[key] = f"{storage}:{value}"
    return found


async def _create(
    world: World, call: Call, worker: Worker, guest: Guest, options: dict[str, Any]
) -> None:
    """Make the volumes, unpack the template, write the config; on failure nothing is left."""
    made: list[Volume] = []
    try:
        config = await _config(world, worker, guest.vmid, options, made)
        found = await _unpack(world, call, worker)
        if "ostype" not in options:
            config["ostype"] = _detected(found)
        _tell_architecture(worker, found)
        async with as_death():
            check_writable(world, worker, guest)
    except Died as exc:
        for volume in made:
            free(world, volume.volid, worker.node)
        if writable(world, worker.node):
            forget(world, guest)
        raise exc.prefixed(f"unable to create CT {guest.vmid} - ") from exc
    guest.config = config
    if call.params.get("pool"):
        world.pools[call.params["pool"]].members.add(guest.vmid)


async def _config(
    world: World, worker: Worker, vmid: int, options: dict[str, Any], made: list[Volume]
) -> dict[str, CONFIG_VALUE]:
    """The config, its volumes made."""
    config: dict[str, CONFIG_VALUE] = {**DEFAULTS, "unprivileged": 1}
    for key, value in sorted(options.items()):
        drive = Drive.parse(key, str(value))
        if LXC_DRIVE.fullmatch(key) and drive.new_size is not None:
            storage, size = str(drive.storage), drive.new_size
            config[key] = str(await make_volume(worker, vmid, drive, storage, size, made))
        else:
            config[key] = plain_value(world, key, value)
    if not config["unprivileged"]:
        del config["unprivileged"]
    config.setdefault("hostname", f"CT{vmid}")
    config.setdefault("arch", "amd64")
    return config


async def _unpack(world: World, call: Call, worker: Worker) -> str:
    """Unpack the template into the root file system; the distribution that is in it, or none."""
    volid = str(call.params["ostemplate"])
    template = find_volume(world, volid, call.node)
    if template is None:
        worker.log(f"volume '{volid}' does not exist")
        raise Died(f"volume '{volid}' does not exist")
    storage = world.storages[volid.partition(":")[0]]
    path = storage_path(storage)
    worker.log(f"extracting archive '{path}/template/cache/{volid.rpartition('/')[2]}'")
    await worker.work()
    worker.log(tar_totals("read", tar_records(packed(template)), worker.duration))
    known = (kind for kind in ("debian", "ubuntu") if kind in volid)
    return template.ostype or next(known, "alpine")


def _detected(found: str) -> str:
    """The type that PVE::LXC::Setup makes of what was unpacked."""
    if found == "none":
        raise Died("unable to detect OS distribution")
    return found


def _tell_architecture(worker: Worker, found: str) -> None:
    """The architecture is read from a program of the container, where there is one."""
    if found == "none":
        worker.log("Falling back to amd64.")
        worker.log("Use `pct set VMID --arch ARCH` to change.")
        return
    worker.log("Detected container architecture: amd64")
    if found in ("debian", "ubuntu"):
        worker.log("Creating SSH host key 'ssh_host_ed25519_key' - this may take some time ...")
        worker.log("done: SHA256:simulated root@simulated")
