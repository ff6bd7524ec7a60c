# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of addresses and groups of rules (`PVE/API2/Firewall/IPSet.pm`, `.../Groups.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import file_digest
from pvesim.entities import Firewall
from pvesim.guests import check_quorum
from pvesim.world import World

from .firewall import WITH_NAMES, firewall_of, known_group

ENTRY = ("cidr", "comment", "nomatch")
Entry = dict[str, Any]


def _set(firewall: Firewall, name: str) -> Entry:
    if name not in firewall.ipsets:
        raise CallError(500, f"no such IPSet '{name}'")
    return firewall.ipsets[name]


def _named(key: str, name: str, thing: Entry) -> Entry:
    comment = {"comment": thing["comment"]} if thing.get("comment") else {}
    return {key: name, **comment}


async def list_sets(world: World, call: Call) -> list[Entry]:
    """The IP sets."""
    sets = firewall_of(world, call).ipsets
    entries = [_named("name", name, ipset) for name, ipset in sorted(sets.items())]
    return [entry | {"digest": file_digest(entry)} for entry in entries]


async def add_set(world: World, call: Call) -> None:
    """A new IP set, or another name for one."""
    check_quorum(world)
    firewall, name = firewall_of(world, call), call.params["name"]
    old = call.params.get("rename")
    if name in firewall.ipsets and name != old:
        raise parameter_error(name=f"IPSet '{name}' already exists")
    made = {"entries": []} if old is None else _set(firewall, old)
    firewall.ipsets.pop(old or "", None)
    made["comment"] = call.params.get("comment", made.get("comment", ""))
    firewall.ipsets[name] = made


async def get_set(world: World, call: Call) -> list[Entry]:
    """The addresses of an IP set."""
    entries = _set(firewall_of(world, call), call.params["name"])["entries"]
    digest = file_digest(*entries)
    return [entry | {"digest": digest} for entry in entries]


async def delete_set(world: World, call: Call) -> None:
    """Remove an IP set; one with addresses only by force."""
    check_quorum(world)
    firewall, name = firewall_of(world, call), call.params["name"]
    if firewall.ipsets.get(name, {}).get("entries") and not call.params.get("force"):
        raise CallError(500, f"IPSet '{name}' is not empty")
    firewall.ipsets.pop(name, None)


async def add_entry(world: World, call: Call) -> None:
    """Another address in an IP set."""
    check_quorum(world)
    entries = _set(firewall_of(world, call), call.params["name"])["entries"]
    cidr = call.params["cidr"]
    if any(entry["cidr"] == cidr for entry in entries):
        raise parameter_error(cidr=f"address '{cidr}' already exists")
    entries.append({key: call.params[key] for key in ENTRY if key in call.params})


def _entry(world: World, call: Call) -> Entry:
    for entry in _set(firewall_of(world, call), call.params["name"])["entries"]:
        if entry["cidr"] == call.params["cidr"]:
            found: Entry = entry
            return found
    raise parameter_error(cidr="no such IP/Network")


async def get_entry(world: World, call: Call) -> Entry:
    """One address."""
    return _entry(world, call)


async def change_entry(world: World, call: Call) -> None:
    """Another comment or sense for an address."""
    check_quorum(world)
    _entry(world, call).update({k: call.params[k] for k in ENTRY if k in call.params})


async def delete_entry(world: World, call: Call) -> None:
    """Remove an address; a missing one is not an error."""
    check_quorum(world)
    ipset = _set(firewall_of(world, call), call.params["name"])
    ipset["entries"] = [e for e in ipset["entries"] if e["cidr"] != call.params["cidr"]]


@call("GET", "/cluster/firewall/groups")
async def list_groups(world: World, call: Call) -> list[Entry]:
    """The security groups."""
    groups = firewall_of(world, call).groups
    entries = [_named("group", name, group) for name, group in sorted(groups.items())]
    digest = file_digest(*entries)
    return [entry | {"digest": digest} for entry in entries]


@call("POST", "/cluster/firewall/groups")
async def add_group(world: World, call: Call) -> None:
    """A new security group, or another name or comment for one."""
    check_quorum(world)
    firewall, name = firewall_of(world, call), call.params["group"]
    old = call.params.get("rename")
    if name in firewall.groups and name != old:
        raise parameter_error(group=f"Security group '{name}' already exists")
    made = {"rules": []} if old is None else known_group(firewall, old)
    firewall.groups.pop(old or "", None)
    made["comment"] = call.params.get("comment", made.get("comment", ""))
    firewall.groups[name] = made


@call("DELETE", "/cluster/firewall/groups/{group}")
async def delete_group(world: World, call: Call) -> None:
    """Remove a security group with no rules."""
    check_quorum(world)
    firewall, name = firewall_of(world, call), call.params["group"]
    if known_group(firewall, name)["rules"]:
        raise CallError(500, f"Security group '{name}' is not empty")
    del firewall.groups[name]


for _where in WITH_NAMES:
    call("GET", f"{_where}/ipset")(list_sets)
    call("POST", f"{_where}/ipset")(add_set)
    call("GET", f"{_where}/ipset/{{name}}")(get_set)
    call("POST", f"{_where}/ipset/{{name}}")(add_entry)
    call("DELETE", f"{_where}/ipset/{{name}}")(delete_set)
    call("GET", f"{_where}/ipset/{{name}}/{{cidr}}")(get_entry)
    call("PUT", f"{_where}/ipset/{{name}}/{{cidr}}")(change_entry)
    call("DELETE", f"{_where}/ipset/{{name}}/{{cidr}}")(delete_entry)
