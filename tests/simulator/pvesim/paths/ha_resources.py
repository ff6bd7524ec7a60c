# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests that HA manages (`PVE/API2/HA/Resources.pm`)."""

from __future__ import annotations

import re
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.entities import Guest
from pvesim.formats import split_list
from pvesim.guests import check_digest, check_quorum, digest
from pvesim.ha import Request, follow, managed, relocate, service, state_request
from pvesim.world import World

TYPES = ("ct", "vm")
REQUIRED = ("sid", "type")
OPTIONS = ("state", "group", "comment", "failback", "max_restart", "max_relocate")
SID = re.compile(r"(?P<type>\S+):(?P<name>\S+)")


def _sid(world: World, call: Call) -> str:
    """The id of a resource, whose type may be left out; raises CallError if it is unclear."""
    given = str(call.params["sid"])
    if given.isdecimal():
        guest = world.guests.get(int(given))
        if guest is None:
            raise CallError(500, f"unable do add resource - VM/CT {given} does not exist")
        return service(guest)
    if SID.fullmatch(given) is None:
        raise CallError(500, f"unable to parse service id '{given}'")
    return given


def _guest(world: World, sid: str) -> Guest | None:
    """The guest of a resource; None when it is gone or of the other type."""
    name = sid.partition(":")[2]
    guest = world.guests.get(int(name)) if name.isdecimal() else None
    return guest if guest is not None and service(guest) == sid else None


def _shown(world: World, sid: str) -> dict[str, Any]:
    """A resource as the API gives it; the digest is that of the whole file."""
    file = {key: str(sorted(resource.items())) for key, resource in world.ha.items()}
    kind = sid.partition(":")[0]
    return {"state": "started", **world.ha[sid], "sid": sid, "type": kind, "digest": digest(file)}


def _known(world: World, sid: str, failing: str = "") -> dict[str, Any]:
    if sid not in world.ha:
        raise CallError(500, f"{failing}no such resource '{sid}'")
    return world.ha[sid]


def _check_managed(world: World, sid: str) -> Guest:
    """Refuse a resource that HA leaves alone."""
    guest = _guest(world, sid)
    if guest is None or not managed(world, guest):
        raise CallError(500, f"resource '{sid}' is not HA managed")
    return guest


def _strive(world: World, sid: str) -> None:
    """Let HA bring the guest into the state that its resource has now."""
    guest, wanted = _guest(world, sid), state_request(str(world.ha[sid].get("state", "started")))
    if guest is not None and wanted is not None:
        follow(world, guest, wanted)


@call("GET", "/cluster/ha/resources")
async def ha_resources(world: World, call: Call) -> list[dict[str, Any]]:
    """The guests that HA manages."""
    wanted = call.params.get("type")
    return [
        _shown(world, sid) for sid in sorted(world.ha) if wanted in (None, sid.partition(":")[0])
    ]


@call("GET", "/cluster/ha/resources/{sid}")
async def ha_resource(world: World, call: Call) -> dict[str, Any]:
    """One of them."""
    sid = _sid(world, call)
    _known(world, sid)
    return _shown(world, sid)


@call("POST", "/cluster/ha/resources")
async def create(world: World, call: Call) -> None:
    """Let HA manage a guest, and start it unless its state says otherwise."""
    check_quorum(world)
    sid = _sid(world, call)
    if call.params.get("type", sid.partition(":")[0]) != sid.partition(":")[0]:
        raise CallError(500, "types does not match")
    if sid.partition(":")[0] not in TYPES:
        raise CallError(500, f"unknown section type '{sid.partition(':')[0]}'")
    if _guest(world, sid) is None:
        raise CallError(500, f"resource '{sid}' does not exist in cluster")
    if sid in world.ha:
        raise CallError(500, f"create resource failed: resource ID '{sid}' already defined")
    world.ha[sid] = {key: call.params[key] for key in OPTIONS if key in call.params}
    _strive(world, sid)


@call("PUT", "/cluster/ha/resources/{sid}")
async def update(world: World, call: Call) -> None:
    """Change the options of a resource; HA follows a new state."""
    check_quorum(world)
    sid = _sid(world, call)
    resource = _known(world, sid, "update resources config failed: ")
    check_digest(call, {key: str(sorted(value.items())) for key, value in world.ha.items()})
    deleted = re.findall(r"[^,; ]+", str(call.params.get("delete", "")))
    for key in deleted:
        if key in REQUIRED:
            raise CallError(500, f"unable to delete required option '{key}'")
        if key not in OPTIONS:
            raise CallError(500, f"no such option '{key}'")
    before = resource.get("state", "started")
    resource.update({key: call.params[key] for key in OPTIONS if key in call.params})
    for key in deleted:
        resource.pop(key, None)
    if resource.get("state", "started") != before:
        _strive(world, sid)


@call("DELETE", "/cluster/ha/resources/{sid}")
async def delete(world: World, call: Call) -> None:
    """Let HA forget a guest, whose state does not change."""
    check_quorum(world)
    sid = _sid(world, call)
    if sid not in world.ha:
        raise CallError(500, f"cannot delete service '{sid}', not HA managed!")
    del world.ha[sid]
    for name, rule in list(world.ha_rules.items()):
        left = [other for other in split_list(rule["resources"]) if other != sid]
        if left:
            rule["resources"] = ",".join(left)
        else:
            del world.ha_rules[name]


@call("POST", "/cluster/ha/resources/{sid}/migrate")
async def migrate(world: World, call: Call) -> dict[str, str]:
    """Ask HA to move a guest: online where it runs."""
    check_quorum(world)
    sid, target = _sid(world, call), str(call.params["node"])
    follow(world, _check_managed(world, sid), Request("migration", "migrate", {"target": target}))
    return {"sid": sid, "requested-node": target}


@call("POST", "/cluster/ha/resources/{sid}/relocate")
async def move(world: World, call: Call) -> dict[str, str]:
    """Ask HA to stop a guest, to move it and to start it again."""
    check_quorum(world)
    sid, target = _sid(world, call), str(call.params["node"])
    relocate(world, _check_managed(world, sid), target)
    return {"sid": sid, "requested-node": target}
