# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving a guest to another cluster, which is another simulator on this machine.

Source: `PVE/API2/Qemu.pm` and `PVE/API2/LXC.pm` (remote_migrate). No text was seen on a real
cluster.
"""

from __future__ import annotations

import re
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.destroy import remove_volumes
from pvesim.drives import NET, disks
from pvesim.entities import Guest
from pvesim.guests import as_death, check_lock, forget, guest_of, reload
from pvesim.ha import redirected
from pvesim.migration import parse_mapping
from pvesim.power import power_off
from pvesim.remote import Endpoint
from pvesim.volumes import find_volume
from pvesim.worker import Died, Worker
from pvesim.world import World

OWN = ("lock", "parent", "vmstate")
TASKS = {"qemu": "qmigrate", "lxc": "vzmigrate"}


@call("POST", "/nodes/{node}/qemu/{vmid}/remote_migrate")
@call("POST", "/nodes/{node}/lxc/{vmid}/remote_migrate")
async def remote_migrate(world: World, call: Call) -> str:
    """Copy a guest to another cluster; the original is deleted, or stays stopped and locked."""
    guest = guest_of(world, call)
    check_lock(guest)
    if redirected(world, call, guest):
        raise CallError(400, "cannot remote-migrate HA-managed guest")
    _check_running(call, guest)
    endpoint = Endpoint.parse(str(call.params["target-endpoint"]))
    there = await endpoint.ask("GET", "/api2/json/nodes/localhost/storage?enabled=1")
    storages = {entry["storage"] for entry in there["data"]}
    document = _document(world, call, guest)
    for disk in document["disks"]:
        if disk["storage"] not in storages:
            raise CallError(500, f"storage '{disk['storage']}' does not exist on the target")

    async def work(worker: Worker) -> None:
        worker.log(f"remote: started tunnel worker to {endpoint.host}:{endpoint.port}")
        async with worker.guest_lock(guest), as_death():
            check_lock(reload(worker, guest))
            guest.config["lock"] = "migrate"
            await _send(worker, guest, endpoint, document)
            power_off(guest)
            if call.params.get("delete"):
                remove_volumes(worker, guest)
                forget(world, guest)
            worker.log("migration finished successfully")

    kind = TASKS[guest.type]
    return world.tasks.start(call.node, call.caller.authid, kind, guest.vmid, work)


def _check_running(call: Call, guest: Guest) -> None:
    if guest.running and not (call.params.get("online") or call.params.get("restart")):
        what = "VM without --online"
        if guest.type == "lxc":
            what = "container without --online or --restart"
        raise CallError(500, f"can't migrate running {what}")


async def _send(worker: Worker, guest: Guest, endpoint: Endpoint, document: dict[str, Any]) -> None:
    """Let the guest be there, too; without success it is unlocked here."""
    try:
        for disk in document["disks"]:
            worker.log(f"copying {disk['key']} to storage '{disk['storage']}'")
        await worker.work()
        arrived = await worker.outside(endpoint.ask("POST", "/_sim/arrivals", document))
    except CallError as exc:
        guest.config.pop("lock", None)
        worker.log(f"ERROR: migration aborted: {exc}")
        raise Died("migration aborted") from exc
    except Died:
        guest.config.pop("lock", None)
        raise
    worker.log(f"guest {arrived['vmid']} is on remote node '{arrived['node']}'")


def _document(world: World, call: Call, guest: Guest) -> dict[str, Any]:
    """What the other cluster receives about the guest."""
    storages = parse_mapping(call.params.get("target-storage"))
    bridges = parse_mapping(call.params.get("target-bridge"))
    config = {key: value for key, value in guest.config.items() if key not in OWN}
    config = {key: value for key, value in config.items() if not key.startswith("unused")}
    for key in config:
        if NET.fullmatch(key):
            config[key] = _bridged(str(config[key]), bridges)
    parts = []
    for drive in disks(guest.type, config):
        volume = find_volume(world, drive.volume, guest.node)
        if volume is None:
            raise CallError(500, f"volume '{drive.volume}' does not exist")
        source = str(drive.storage)
        target = storages.get(source) or storages.get("") or source
        part = {"key": drive.key, "storage": target, "size": volume.size, "used": volume.used}
        parts.append(part | {"format": volume.format})
    return {
        "vmid": int(call.params.get("target-vmid", guest.vmid)),
        "type": guest.type,
        "running": guest.running,
        "config": config,
        "disks": parts,
    }


def _bridged(text: str, bridges: Any) -> str:
    """A network on the bridge of the other cluster."""

    def other(match: re.Match[str]) -> str:
        return f"bridge={bridges.get(match[1]) or bridges.get('') or match[1]}"

    return re.sub(r"bridge=([^,]+)", other, text)
