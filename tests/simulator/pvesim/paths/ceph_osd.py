# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OSDs of Ceph (`PVE/API2/Ceph/OSD.pm`). No text was seen on a real cluster."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.ceph import (
    MOUNTED,
    Daemon,
    check_reached,
    daemons_of,
    disk_at,
    is_up,
    osd_size,
    pool_used,
    take_disk,
    total,
)
from pvesim.entities import Node
from pvesim.hostdisks import block_device, check_unused, disk_lock, wipe
from pvesim.worker import Worker
from pvesim.world import World


@call("GET", "/nodes/{node}/ceph/osd")
async def osds(world: World, _call: Call) -> dict[str, Any]:
    """The tree of OSDs below the nodes that have them."""
    check_reached(world)
    hosts: dict[str, list[dict[str, Any]]] = {}
    for ident, osd in daemons_of(world, "osd").items():
        hosts.setdefault(osd["node"], []).append(_leaf(world, ident, osd))
    below = [
        {"id": -2 - at, "name": name, "type": "host", "leaf": 0, "children": leaves}
        for at, (name, leaves) in enumerate(sorted(hosts.items()), start=1)
    ]
    root = {"id": -1, "name": "default", "type": "root", "leaf": 0, "children": below}
    flags = ",".join(["sortbitwise", *world.ceph["flags"]])
    versions = dict.fromkeys(world.nodes, world.ceph["version"])
    return {"root": {"leaf": 0, "children": [root]}, "flags": flags, "versions": versions}


def _leaf(world: World, ident: str, osd: Daemon) -> dict[str, Any]:
    size, version = osd_size(world, osd), world.ceph["version"]
    share = sum(pool_used(world, pool) for pool in world.ceph["pools"]) / (total(world) or 1)
    used = int(size * share) if osd["in"] else 0
    return {
        "id": int(ident),
        "name": f"osd.{ident}",
        "type": "osd",
        "leaf": 1,
        "host": osd["node"],
        "status": "up" if is_up(world, osd) else "down",
        "in": int(osd["in"]),
        "reweight": int(osd["in"]),
        "crush_weight": round(size / (1 << 40), 5),
        "device_class": osd["class"],
        "osdtype": "bluestore",
        "blfsdev": osd["device"],
        "total_space": size,
        "bytes_used": used,
        "percent_used": used * 100 / size,
        "commit_latency_ms": 0,
        "apply_latency_ms": 0,
        "ceph_version": f"ceph version {version} (0) squid (stable)",
        "ceph_version_short": version,
    }


@call("GET", "/nodes/{node}/ceph/osd/{osdid}")
async def index(_world: World, _call: Call) -> list[dict[str, str]]:
    """What there is below an OSD."""
    return [{"name": "metadata"}, {"name": "lv-info"}]


@call("POST", "/nodes/{node}/ceph/osd")
async def create(world: World, call: Call) -> str:
    """OSDs on an unused disk."""
    check_reached(world)
    node = world.nodes[call.node]
    disk = block_device(node, str(call.params["dev"]))
    check_unused(disk)
    path, found = disk["devpath"], daemons_of(world, "osd")

    async def work(worker: Worker) -> None:
        async with disk_lock(worker):
            worker.log(f"create OSD on {path} (bluestore)")
            wipe(worker, node, disk)
            await worker.work()
            made = []
            for _unused in range(int(call.params.get("osds-per-device", 1))):
                ident = next(n for n in range(len(found) + 1) if str(n) not in found)
                osd = {"node": call.node, "device": path, "in": True, "up": True}
                found[str(ident)] = osd | {"class": call.params.get("crush-device-class", "ssd")}
                take_disk(node, disk, ident)
                made.append(ident)
            disk["osdid-list"] = made
            worker.log(f"--> ceph-volume lvm create successful for: {path}")

    name = path.removeprefix("/dev/")
    return world.tasks.start(call.node, call.caller.authid, "cephcreateosd", name, work)


def _osd(world: World, call: Call) -> Daemon:
    check_reached(world)
    ident, found = str(call.params["osdid"]), daemons_of(world, "osd")
    if ident not in found:
        raise CallError(500, f"no such OSD '{ident}'")
    return found[ident]


@call("DELETE", "/nodes/{node}/ceph/osd/{osdid}")
async def destroy(world: World, call: Call) -> str:
    """Remove an OSD that is out and down; its disk is free with `cleanup` only."""
    ident, node = str(call.params["osdid"]), world.nodes[call.node]
    osd = _osd(world, call)
    if osd["node"] != call.node:
        raise CallError(500, f"OSD osd.{ident} does not belong to node {call.node}!")
    if osd["in"]:
        raise CallError(500, "osd is in use (in == 1)")
    if is_up(world, osd):
        raise CallError(500, "osd is still running (up == 1)")

    async def work(worker: Worker) -> None:
        name = f"osd.{ident}"
        worker.log(f"destroy OSD {name}")
        worker.log(f"Remove {name} from the CRUSH map")
        worker.log(f"Remove the {name} authentication key.")
        worker.log(f"Remove OSD {name}")
        await worker.work()
        daemons_of(world, "osd").pop(ident, None)
        worker.log(f"Unmount OSD {name} from  {MOUNTED}/osd/ceph-{ident}")
        if call.params.get("cleanup"):
            _free(worker, node, osd["device"])

    name = f"osd.{ident}"
    return world.tasks.start(call.node, call.caller.authid, "cephdestroyosd", name, work)


def _free(worker: Worker, node: Node, path: str) -> None:
    """Nothing of an OSD is left on a disk, unless another one is there (ceph-volume lvm zap)."""
    others = daemons_of(worker.world, "osd").values()
    if any((osd["node"], osd["device"]) == (node.name, path) for osd in others):
        return
    for name, group in list(node.volume_groups.items()):
        if path in group["devices"]:
            del node.volume_groups[name]
    wipe(worker, node, disk_at(node, path))


@call("POST", "/nodes/{node}/ceph/osd/{osdid}/in")
async def take_in(world: World, call: Call) -> None:
    """Let an OSD hold data."""
    _osd(world, call)["in"] = True


@call("POST", "/nodes/{node}/ceph/osd/{osdid}/out")
async def take_out(world: World, call: Call) -> None:
    """Let an OSD hold no data."""
    _osd(world, call)["in"] = False


@call("POST", "/nodes/{node}/ceph/osd/{osdid}/scrub")
async def scrub(world: World, call: Call) -> None:
    """Have an OSD look through its data."""
    _osd(world, call)


@call("GET", "/nodes/{node}/ceph/cmd-safety")
async def safety(world: World, call: Call) -> dict[str, Any]:
    """Whether a daemon can be stopped or destroyed: others of its kind have to be there."""
    check_reached(world)
    kind, ident = str(call.params["service"]), str(call.params["id"])
    up = [name for name, d in daemons_of(world, kind).items() if is_up(world, d) and name != ident]
    enough = 2 * len(up) > len(daemons_of(world, kind)) if kind == "mon" else bool(up)
    text = "" if enough else f"not enough {kind}s would be available"
    return {"safe": int(enough), "status": text}
