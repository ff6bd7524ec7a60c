# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Monitors, managers and metadata servers of Ceph, and their systemd units.

Source: `PVE/API2/Ceph/MON.pm`, `MGR.pm`, `MDS.pm`, `PVE/Ceph/Services.pm`. No text was seen on a
real cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pvesim.calls import Call, CallError, Handler, call
from pvesim.ceph import MOUNTED, check_installed, check_reached, daemons_of, is_up, local
from pvesim.worker import Died, Worker
from pvesim.world import World

NAMES = {"mgr": "manager", "mds": "MDS"}
TARGETS = ("ceph", "ceph.target", "mon", "mgr", "mds", "osd")


def _common(world: World, kind: str) -> Iterable[dict[str, Any]]:
    version = world.ceph["version"]
    for name, daemon in daemons_of(world, kind).items():
        up = is_up(world, daemon)
        entry = {"name": name, "host": daemon["node"], "service": 1, "direxists": 1}
        entry |= {"addr": world.nodes[daemon["node"]].address}
        entry |= {"state": "running" if up else "stopped"}
        entry |= {"ceph_version_short": version} if up else {}
        yield entry


@call("GET", "/nodes/{node}/ceph/mon")
async def mons(world: World, _call: Call) -> list[dict[str, Any]]:
    """The monitors and whether they belong to the quorum."""
    check_installed(world)
    entries = []
    for rank, entry in enumerate(_common(world, "mon")):
        address = {"addr": f"{entry['addr']}:6789/0", "rank": rank}
        quorum = {"quorum": 1} if entry["state"] == "running" else {}
        entries.append(entry | address | quorum)
    return entries


@call("GET", "/nodes/{node}/ceph/mgr")
async def mgrs(world: World, _call: Call) -> list[dict[str, Any]]:
    """The managers: one is active, the others stand by."""
    check_reached(world)
    states = iter(["active"])
    return [
        entry | ({"state": next(states, "standby")} if entry["state"] == "running" else {})
        for entry in _common(world, "mgr")
    ]


@call("GET", "/nodes/{node}/ceph/mds")
async def mdss(world: World, _call: Call) -> list[dict[str, Any]]:
    """The metadata servers: one is active for each file system."""
    check_reached(world)
    states = mds_states(world)
    return [
        entry | ({"state": states[entry["name"]]} if entry["name"] in states else {})
        for entry in _common(world, "mds")
    ]


def mds_states(world: World) -> dict[str, str]:
    """What the metadata servers that run do."""
    up = [name for name, mds in daemons_of(world, "mds").items() if is_up(world, mds)]
    active = len(world.ceph["filesystems"])
    return {n: "up:active" if at < active else "up:standby" for at, n in enumerate(up)}


@call("POST", "/nodes/{node}/ceph/mon/{monid}")
async def create_mon(world: World, call: Call) -> str:
    """A monitor on the node."""
    check_reached(world)
    monid, found = str(call.params["monid"]), daemons_of(world, "mon")
    address = str(call.params.get("mon-address", world.nodes[call.node].address))
    if any(world.nodes[mon["node"]].address == address for mon in found.values()):
        raise CallError(500, f"monitor address '{address}' already in use")
    if monid in found:
        raise CallError(500, f"monitor '{monid}' already exists")

    async def work(worker: Worker) -> None:
        await worker.work()
        worker.log(f"epoch {len(found) + 1}")
        found[monid] = {"node": call.node}

    return world.tasks.start(call.node, call.caller.authid, "cephcreatemon", f"mon.{monid}", work)


@call("DELETE", "/nodes/{node}/ceph/mon/{monid}")
async def destroy_mon(world: World, call: Call) -> str:
    """Remove a monitor, but not the last one."""
    check_reached(world)
    monid, found = str(call.params["monid"]), daemons_of(world, "mon")
    if monid not in found:
        raise CallError(500, f"no such monitor id '{monid}'")
    if found[monid]["node"] != call.node:
        where = f"{MOUNTED}/mon/ceph-{monid}"
        raise CallError(500, f"monitor filesystem '{where}' does not exist on this node")
    if len(found) <= 1:
        raise CallError(500, "can't remove last monitor")

    async def work(worker: Worker) -> None:
        await worker.work()
        found.pop(monid, None)

    return world.tasks.start(call.node, call.caller.authid, "cephdestroymon", f"mon.{monid}", work)


def _create(kind: str, key: str) -> Handler:
    """The call that makes a manager or a metadata server."""

    async def create(world: World, call: Call) -> str:
        check_installed(world)
        ident, found = str(call.params[key]), daemons_of(world, kind)
        if kind == "mds" and ident[0].isdigit():
            raise CallError(500, "ID of the MDS cannot start with a number!")

        async def work(worker: Worker) -> None:
            where, unit = f"{MOUNTED}/{kind}/ceph-{ident}", f"ceph-{kind}@{ident}.service"
            if ident in found and kind == "mds":
                raise Died(f"MDS '{ident}' already referenced in ceph config, abort!")
            if ident in found:
                raise Died(f"ceph manager directory '{where}' already exists")
            worker.log(f"creating {NAMES[kind]} directory '{where}'")
            worker.log(f"creating keys for '{kind}.{ident}'")
            await worker.work()
            whose = "ceph as owner for service" if kind == "mds" else "owner for"
            worker.log(f"setting {whose} directory")
            worker.log(f"enabling service '{unit}'")
            worker.log(f"starting service '{unit}'")
            found[ident] = {"node": call.node}

        type_, name = f"cephcreate{kind}", f"{kind}.{ident}"
        return world.tasks.start(call.node, call.caller.authid, type_, name, work)

    return create


def _destroy(kind: str, key: str) -> Handler:
    """The call that removes a manager or a metadata server."""

    async def destroy(world: World, call: Call) -> str:
        check_installed(world)
        ident, found = str(call.params[key]), daemons_of(world, kind)

        async def work(worker: Worker) -> None:
            where, unit = f"{MOUNTED}/{kind}/ceph-{ident}", f"ceph-{kind}@{ident}.service"
            here = found.get(ident, {}).get("node") == call.node
            if not here and kind == "mgr":
                raise Died(f"ceph manager directory '{where}' not found")
            worker.log(f"disabling service '{unit}'")
            worker.log(f"stopping service '{unit}'")
            await worker.work()
            if not here:
                text = f"cannot cleanup MDS {ident} directory, '{where}' not found"
                worker.warn(text)
            else:
                directory = "manager" if kind == "mgr" else "ceph-mds"
                worker.log(f"removing {directory} directory '{where}'")
                del found[ident]
            keys = "authkeys for mgr." if kind == "mgr" else "ceph auth for 'mds."
            worker.log(f"removing {keys}{ident}" + ("'" if kind == "mds" else ""))

        type_, name = f"cephdestroy{kind}", f"{kind}.{ident}"
        return world.tasks.start(call.node, call.caller.authid, type_, name, work)

    return destroy


for _kind, _key in (("mgr", "id"), ("mds", "name")):
    _path = f"/nodes/{{node}}/ceph/{_kind}/{{{_key}}}"
    call("POST", _path)(_create(_kind, _key))
    call("DELETE", _path)(_destroy(_kind, _key))


def _units(action: str) -> Handler:
    """The call that starts, stops or restarts daemons of a node by their systemd units."""

    async def act(world: World, call: Call) -> str:
        check_installed(world)
        service = str(call.params.get("service") or "")

        async def work(worker: Worker) -> None:
            await worker.work()
            kind, _dot, ident = service.partition(".")
            chosen = [
                daemon
                for own, name, daemon in local(world, call.node)
                if service in ("", "ceph", "ceph.target") or (own == kind and ident in ("", name))
            ]
            if action != "stop" and not chosen and not re.fullmatch("|".join(TARGETS), service):
                unit = f"ceph-{kind}@{ident}"
                worker.log(f"Job for {unit}.service failed.")
                raise Died(f"command '/bin/systemctl {action} {unit}' failed: exit code 1")
            for daemon in chosen:
                daemon["up"] = action != "stop"

        ident = service or "ceph"
        return world.tasks.start(call.node, call.caller.authid, f"srv{action}", ident, work)

    return act


for _action in ("start", "stop", "restart"):
    call("POST", f"/nodes/{{node}}/ceph/{_action}")(_units(_action))
