# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the firewall, which filters nothing (`PVE/API2/Firewall/*.pm`).

The same calls work on the cluster, on a node and on a guest. None of them looks whether there is
such a guest.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from pvesim.calls import Call, CallError, Listing, call, parameter_error
from pvesim.cfs import check_file_digest, file_digest
from pvesim.entities import Firewall
from pvesim.formats import split_list
from pvesim.guests import check_quorum
from pvesim.world import World

CLUSTER = "/cluster/firewall"
NODE = "/nodes/{node}/firewall"
GUESTS = ("/nodes/{node}/qemu/{vmid}/firewall", "/nodes/{node}/lxc/{vmid}/firewall")
EVERY = (CLUSTER, NODE, *GUESTS)
WITH_NAMES = (CLUSTER, *GUESTS)
"""What has aliases and IP sets."""
NOT_KEPT = ("node", "vmid", "digest", "delete", "pos", "moveto", "group", "name", "rename", "cidr")
NO_RULE = (
    "Can't use an undefined value as an ARRAY reference at "
    "/usr/share/perl5/PVE/API2/Firewall/Rules.pm line 462."
)
MACROS = {
    "DNS": "Domain Name System traffic (upd and tcp)",
    "HTTP": "Hypertext Transfer Protocol (WWW)",
    "HTTPS": "Hypertext Transfer Protocol (WWW) over SSL",
    "OpenVPN": "OpenVPN traffic",
    "POP3": "POP3 traffic",
    "Ping": "ICMP echo request",
    "PostgreSQL": "PostgreSQL server",
    "SSH": "Secure shell traffic",
    "SVN": "Subversion server (svnserve)",
    "Telnets": "Telnet over SSL",
}
Rules = list[dict[str, Any]]


def scope_of(call: Call) -> str:
    """What the path is about: `cluster`, `node/pve1` or `guest/100`."""
    if call.template.startswith("/cluster/"):
        return "cluster"
    return f"guest/{call.params['vmid']}" if "{vmid}" in call.template else f"node/{call.node}"


def firewall_of(world: World, call: Call) -> Firewall:
    """The firewall that the path is about."""
    return world.firewalls.setdefault(scope_of(call), Firewall())


def _kept(params: Mapping[str, Any], *more: str) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key not in NOT_KEPT or key in more}


async def get_options(world: World, call: Call) -> dict[str, Any]:
    """The options that were set."""
    options = firewall_of(world, call).options
    return options | {"digest": file_digest(options)}


async def put_options(world: World, call: Call) -> None:
    """Set options, or take them back to their defaults."""
    check_quorum(world)
    options = firewall_of(world, call).options
    check_file_digest(call.params.get("digest"), file_digest(options))
    for key in split_list(call.params.get("delete", "")):
        options.pop(key, None)
    options |= _kept(call.params)


def rules_of(world: World, call: Call) -> Rules:
    """The rules that the path is about: those of a security group or of the firewall."""
    firewall = firewall_of(world, call)
    if "{group}" not in call.template:
        return firewall.rules
    rules: Rules = known_group(firewall, call.params["group"])["rules"]
    return rules


def known_group(firewall: Firewall, name: str) -> dict[str, Any]:
    """A security group; raises CallError when there is none."""
    if name not in firewall.groups:
        raise CallError(500, f"no such security group '{name}'")
    return firewall.groups[name]


async def list_rules(world: World, call: Call) -> Rules:
    """The rules in their order."""
    rules = rules_of(world, call)
    digest = file_digest(*rules)
    return [rule | {"pos": pos, "digest": digest} for pos, rule in enumerate(rules)]


async def get_rule(world: World, call: Call) -> dict[str, Any]:
    """The rule at a position."""
    pos = int(call.params["pos"])
    if pos >= len(rules := rules_of(world, call)):
        raise CallError(500, f"no rule at position {pos}")
    return rules[pos] | {"pos": pos, "digest": file_digest(*rules)}


async def add_rule(world: World, call: Call) -> None:
    """A new rule, at its position or before all others; it is off unless it is enabled."""
    check_quorum(world)
    rules = rules_of(world, call)
    check_file_digest(call.params.get("digest"), file_digest(*rules))
    made = _kept(call.params) | {"enable": int(call.params.get("enable", 0))}
    rules.insert(int(call.params.get("pos", 0)), made)


async def change_rule(world: World, call: Call) -> None:
    """Change the rule at a position, or move it."""
    check_quorum(world)
    rules, pos = rules_of(world, call), int(call.params["pos"])
    check_file_digest(call.params.get("digest"), file_digest(*rules))
    if pos >= len(rules):
        raise CallError(500, f"no rule at position {pos}")
    if "moveto" in call.params:
        target = int(call.params["moveto"])
        moved = rules.pop(pos)
        rules.insert(target - (target > pos), moved)
        return
    rules[pos] |= _kept(call.params)
    for key in split_list(call.params.get("delete", "")):
        rules[pos].pop(key, None)


async def delete_rule(world: World, call: Call) -> None:
    """Remove the rule at a position."""
    check_quorum(world)
    rules, pos = rules_of(world, call), int(call.params["pos"])
    check_file_digest(call.params.get("digest"), file_digest(*rules))
    if pos >= len(rules):
        raise CallError(500, NO_RULE)
    del rules[pos]


def _alias(firewall: Firewall, name: str) -> dict[str, Any]:
    if name not in firewall.aliases:
        raise parameter_error(name="no such alias")
    return firewall.aliases[name]


def _with_version(alias: Mapping[str, Any]) -> dict[str, Any]:
    version = ip_network(alias["cidr"], strict=False).version
    return {**alias, "ipversion": version}


async def list_aliases(world: World, call: Call) -> Rules:
    """The aliases."""
    aliases = firewall_of(world, call).aliases
    digest = file_digest(*aliases.values())
    return [
        {"name": name, **_with_version(alias), "digest": digest}
        for name, alias in sorted(aliases.items())
    ]


async def get_alias(world: World, call: Call) -> dict[str, Any]:
    """One alias."""
    name = call.params["name"]
    return {"name": name, **_with_version(_alias(firewall_of(world, call), name))}


async def add_alias(world: World, call: Call) -> None:
    """A new alias."""
    check_quorum(world)
    firewall, name = firewall_of(world, call), call.params["name"]
    if name in firewall.aliases:
        raise parameter_error(name=f"alias '{name}' already exists")
    firewall.aliases[name] = _kept(call.params, "cidr")


async def change_alias(world: World, call: Call) -> None:
    """Another address, comment or name for an alias."""
    check_quorum(world)
    firewall, name = firewall_of(world, call), call.params["name"]
    changed = _alias(firewall, name) | _kept(call.params, "cidr")
    new = call.params.get("rename", name)
    if new != name and new in firewall.aliases:
        raise parameter_error(name=f"alias '{new}' already exists")
    del firewall.aliases[name]
    firewall.aliases[new] = changed


async def delete_alias(world: World, call: Call) -> None:
    """Remove an alias; a missing one is not an error."""
    check_quorum(world)
    firewall_of(world, call).aliases.pop(call.params["name"], None)


async def list_refs(world: World, call: Call) -> Rules:
    """The names that rules can use."""
    firewall, wanted = firewall_of(world, call), call.params.get("type")
    found = [("alias", name, value) for name, value in sorted(firewall.aliases.items())]
    found += [("ipset", name, value) for name, value in sorted(firewall.ipsets.items())]
    return [
        {"type": kind, "name": name, "ref": name if kind == "alias" else f"+{name}"}
        | {"scope": "dc" if scope_of(call) == "cluster" else "guest"}
        | ({"comment": value["comment"]} if value.get("comment") else {})
        for kind, name, value in found
        if wanted in (None, kind)
    ]


async def log(_world: World, _call: Call) -> Listing:
    """The log of a firewall that filters nothing: its file is not there."""
    return Listing([{"n": 1, "t": "unable to open file - No such file or directory"}], 1)


@call("GET", "/cluster/firewall/macros")
async def macros(_world: World, _call: Call) -> list[dict[str, str]]:
    """Some of the macros."""
    return [{"macro": name, "descr": text} for name, text in MACROS.items()]


for _where in EVERY:
    call("GET", f"{_where}/options")(get_options)
    call("PUT", f"{_where}/options")(put_options)
for _where in (*(f"{where}/rules" for where in EVERY), "/cluster/firewall/groups/{group}"):
    call("GET", _where)(list_rules)
    call("POST", _where)(add_rule)
    call("GET", f"{_where}/{{pos}}")(get_rule)
    call("PUT", f"{_where}/{{pos}}")(change_rule)
    call("DELETE", f"{_where}/{{pos}}")(delete_rule)
for _where in WITH_NAMES:
    call("GET", f"{_where}/aliases")(list_aliases)
    call("POST", f"{_where}/aliases")(add_alias)
    call("GET", f"{_where}/aliases/{{name}}")(get_alias)
    call("PUT", f"{_where}/aliases/{{name}}")(change_alias)
    call("DELETE", f"{_where}/aliases/{{name}}")(delete_alias)
    call("GET", f"{_where}/refs")(list_refs)
for _where in (NODE, *GUESTS):
    call("GET", f"{_where}/log")(log)
