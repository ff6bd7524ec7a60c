# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph as a whole: its status, its flags, its daemons, and their restart one by one.

Source: `PVE/API2/Cluster/Ceph.pm`. No text was seen on a real cluster.
"""

from __future__ import annotations

import uuid
from typing import Any

from pvesim.calls import Call, call, parameter_error
from pvesim.ceph import (
    KINDS,
    check_installed,
    check_reached,
    daemons_of,
    health,
    is_up,
    local,
    pool_used,
    total,
)
from pvesim.nested import exit_status, is_error
from pvesim.worker import Died, Worker
from pvesim.world import World

FLAGS = {
    "nobackfill": "Backfilling of PGs is suspended.",
    "nodeep-scrub": "Deep Scrubbing is disabled.",
    "nodown": "OSD failure reports are being ignored, such that the monitors will not mark OSDs "
    "down.",
    "noin": "OSDs that were previously marked out will not be marked back in when they start.",
    "noout": "OSDs will not automatically be marked out after the configured interval.",
    "norebalance": "Rebalancing of PGs is suspended.",
    "norecover": "Recovery of PGs is suspended.",
    "noscrub": "Scrubbing is disabled.",
    "notieragent": "Cache tiering activity is suspended.",
    "noup": "OSDs are not allowed to start.",
    "pause": "Pauses read and writes.",
}
DEFAULT_TIMEOUT = 600


@call("GET", "/cluster/ceph")
async def index(_world: World, _call: Call) -> list[dict[str, str]]:
    """What there is below it."""
    return [{"name": name} for name in ("flags", "metadata", "restart-bulk", "status")]


@call("GET", "/cluster/ceph/status")
async def status(world: World, _call: Call) -> dict[str, Any]:
    """How Ceph is."""
    return _status(world)


@call("GET", "/nodes/{node}/ceph/status")
async def node_status(world: World, _call: Call) -> dict[str, Any]:
    """The same, asked at a node."""
    return _status(world)


def _status(world: World) -> dict[str, Any]:
    check_reached(world)
    mons, mgrs, osds = (daemons_of(world, kind) for kind in ("mon", "mgr", "osd"))
    quorum = [name for name, mon in mons.items() if is_up(world, mon)]
    up = [name for name, mgr in mgrs.items() if is_up(world, mgr)]
    used = sum(pool_used(world, pool) for pool in world.ceph["pools"])
    size, groups = total(world), sum(pool["pg_num"] for pool in world.ceph["pools"].values())
    return {
        "fsid": str(uuid.uuid5(uuid.NAMESPACE_OID, str(world.cluster_name))),
        "health": health(world),
        "quorum": [list(mons).index(name) for name in quorum],
        "quorum_names": quorum,
        "monmap": {"mons": [{"name": name, "rank": rank} for rank, name in enumerate(mons)]},
        "mgrmap": {
            "active_name": up[0] if up else "",
            "available": bool(up),
            "standbys": [{"name": name} for name in up[1:]],
        },
        "osdmap": {
            "num_osds": len(osds),
            "num_up_osds": sum(is_up(world, osd) for osd in osds.values()),
            "num_in_osds": sum(bool(osd["in"]) for osd in osds.values()),
        },
        "pgmap": {
            "pgs_by_state": [{"state_name": "active+clean", "count": groups}],
            "num_pgs": groups,
            "num_pools": len(world.ceph["pools"]),
            "bytes_total": size,
            "bytes_used": used,
            "bytes_avail": max(0, size - used),
        },
        "fsmap": {"by_rank": [], "up:standby": len(daemons_of(world, "mds"))},
    }


@call("GET", "/cluster/ceph/metadata")
async def metadata(world: World, call: Call) -> dict[str, Any]:
    """The versions of the nodes and of the daemons."""
    found: dict[str, Any] = {}
    if world.ceph:
        version = world.ceph["version"]
        number = {"str": version, "parts": version.split(".")}
        found = {"node": {name: {"version": number, "buildcommit": "0"} for name in world.nodes}}
    if call.params.get("scope") == "versions":
        return found
    check_reached(world)
    for kind in KINDS:
        found[kind] = {
            f"{ident}@{daemon['node']}": _metadata(world, daemon) | {"name": ident}
            for ident, daemon in daemons_of(world, kind).items()
        }
    osds = daemons_of(world, "osd").items()
    found["osd"] = [_metadata(world, osd) | {"id": int(ident)} for ident, osd in osds]
    return found


def _metadata(world: World, daemon: dict[str, Any]) -> dict[str, Any]:
    version = world.ceph["version"]
    return {
        "hostname": daemon["node"],
        "ceph_version": f"ceph version {version} (0) squid (stable)",
        "ceph_version_short": version,
        "ceph_release": "squid",
        "mem_total_kb": world.nodes[daemon["node"]].maxmem // 1024,
        "mem_swap_kb": 0,
    }


@call("GET", "/cluster/ceph/flags")
async def flags(world: World, _call: Call) -> list[dict[str, Any]]:
    """All flags, set or not."""
    check_reached(world)
    there = world.ceph["flags"]
    return [
        {"name": name, "description": text, "value": int(name in there)}
        for name, text in FLAGS.items()
    ]


@call("GET", "/cluster/ceph/flags/{flag}")
async def flag(world: World, call: Call) -> int:
    """Whether a flag is set."""
    check_reached(world)
    return int(call.params["flag"] in world.ceph["flags"])


@call("PUT", "/cluster/ceph/flags/{flag}")
async def set_flag(world: World, call: Call) -> None:
    """Set or unset one flag."""
    check_reached(world)
    _set(world, str(call.params["flag"]), bool(call.params["value"]))


@call("PUT", "/cluster/ceph/flags")
async def set_flags(world: World, call: Call) -> str:
    """Set and unset flags in a task; those that are so already are passed over."""
    check_reached(world)

    async def work(worker: Worker) -> None:
        await worker.work()
        for name in FLAGS:
            wanted = call.params.get(name)
            if wanted is not None and bool(wanted) != (name in world.ceph["flags"]):
                worker.log(f"{'set' if wanted else 'unset'} {name}")
                _set(world, name, bool(wanted))

    return world.tasks.start(call.node, call.caller.authid, "cephsetflags", "", work)


def _set(world: World, name: str, value: bool) -> None:
    there = set(world.ceph["flags"])
    world.ceph["flags"] = sorted(there | {name} if value else there - {name})


@call("POST", "/cluster/ceph/restart-bulk")
async def restart_all(world: World, call: Call) -> str:
    """Restart all daemons of a kind, one after the other; OSDs by a task of each node."""
    check_installed(world)
    kind, dry = str(call.params["service-type"]), bool(call.params.get("dry-run"))
    if call.params.get("only-outdated") and kind != "osd":
        raise parameter_error(**{"only-outdated": "only supported with service-type=osd"})
    authid = call.caller.authid

    async def work(worker: Worker) -> None:
        _check_health(world, call, kind)
        if call.params.get("only-outdated"):
            worker.log("no outdated OSDs found in cluster, nothing to do")
        elif kind == "osd":
            await _by_node(world, worker, authid, dry)
        else:
            order = [(d["node"], f"{kind}.{name}") for name, d in daemons_of(world, kind).items()]
            await _in_turn(worker, order, dry, int(call.params.get("timeout", DEFAULT_TIMEOUT)))
            if order and not dry:
                worker.log(f"rolling restart of '{kind}' daemons across the cluster finished")

    return world.tasks.start(call.node, authid, "srvrestart", f"cluster-{kind}", work)


def _check_health(world: World, call: Call, kind: str) -> None:
    """Warnings keep daemons from being restarted, but not with `force` or a mere plan."""
    if call.params.get("dry-run") or call.params.get("force"):
        return
    found = {name: c for name, c in health(world)["checks"].items() if name != "OSDMAP_FLAGS"}
    if found:
        texts = "".join(f"\n  - {name}: {c['summary']['message']}" for name, c in found.items())
        what = f"refusing rolling restart of '{kind}' daemons (pass force=1 to override)"
        raise Died(f"Ceph cluster has blocking HEALTH_WARN issues, {what}:{texts}")


async def _in_turn(worker: Worker, order: list[tuple[str, str]], dry: bool, patience: int) -> None:
    if not order:
        worker.log("no daemons found in cluster, nothing to do")
        return
    worker.log(f"{'[DRY-RUN] ' if dry else ''}planned rolling restart order:")
    for number, (node, daemon) in enumerate(order, start=1):
        worker.log(f"  [{number}/{len(order)}] {node}: {daemon}")
    if dry:
        worker.log("[DRY-RUN] no daemons were restarted")
        return
    worker.stretch(len(order))
    for number, (node, daemon) in enumerate(order, start=1):
        tag, where = f"[{number}/{len(order)}]", "local" if node == worker.node else "remote"
        worker.log(f"{tag} restarting {daemon} on {node} ({where})")
        await worker.work(1 / len(order))
        worker.log(f"{tag} waiting up to {patience}s for {daemon} to come back up")
        worker.log(f"{tag} {daemon} is up")


async def _by_node(world: World, worker: Worker, authid: str, dry: bool) -> None:
    counts: dict[str, int] = {}
    for osd in daemons_of(world, "osd").values():
        counts[osd["node"]] = counts.get(osd["node"], 0) + 1
    prefix = "[DRY-RUN] " if dry else ""
    worker.log(f"{prefix}planned cluster-wide rolling restart of OSDs (per-node):")
    for number, (node, count) in enumerate(sorted(counts.items()), start=1):
        worker.log(f"  [{number}/{len(counts)}] {node} ({count} OSDs)")
    if dry:
        worker.log("[DRY-RUN] no daemons were restarted")
        return
    for number, (node, count) in enumerate(sorted(counts.items()), start=1):
        tag = f"[{number}/{len(counts)}]"
        worker.log(f"{tag} starting per-node OSD bulk-restart on {node} ({count} OSDs)")
        upid = _node_task(world, node, authid, dry=False)
        worker.log(f"{tag} sub-task UPID: {upid}")
        if is_error(status := await exit_status(worker, upid)):
            raise Died(f"remote task {upid} on {node} ended with status 'stopped' exit '{status}'")
        worker.log(f"{tag} finished on {node}")
    worker.log("cluster-wide OSD rolling restart finished")


@call("POST", "/nodes/{node}/ceph/restart-bulk")
async def restart_node(world: World, call: Call) -> str:
    """Restart the OSDs of a node, one after the other."""
    check_installed(world)
    dry = bool(call.params.get("dry-run"))
    return _node_task(world, call.node, call.caller.authid, dry=dry)


def _node_task(world: World, node: str, authid: str, *, dry: bool) -> str:
    async def work(worker: Worker) -> None:
        own = [(node, f"osd.{ident}") for kind, ident, _d in local(world, node) if kind == "osd"]
        await _in_turn(worker, own, dry, DEFAULT_TIMEOUT)

    return world.tasks.start(node, authid, "srvrestart", f"{node}-osd", work)
