# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of HA, which are kept but move no guest (`PVE/API2/HA/Rules.pm`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.formats import split_list
from pvesim.validation import ADDITIONAL, MISSING
from pvesim.world import World

FILE = "ha_rules_cfg"
COMMON = ("type", "rule", "resources", "comment", "disable")
OPTIONS = {"node-affinity": ("nodes", "strict"), "resource-affinity": ("affinity",)}
REQUIRED = {"node-affinity": ("nodes", "resources"), "resource-affinity": ("affinity", "resources")}
GROUPS_ARE_GONE = "ha groups have been migrated to rules"


def _digest(world: World) -> str:
    return file_digest(*world.ha_rules.values())


def _known(world: World, name: str) -> dict[str, Any]:
    if name not in world.ha_rules:
        raise CallError(500, f"no such ha rule '{name}'")
    return world.ha_rules[name]


def _shown(world: World, name: str) -> dict[str, Any]:
    order = list(world.ha_rules).index(name) + 1
    return world.ha_rules[name] | {"rule": name, "order": order, "digest": _digest(world)}


@call("GET", "/cluster/ha/rules")
async def rules(world: World, call: Call) -> list[dict[str, Any]]:
    """All rules, or those of one type or for one resource."""
    kind, resource = call.params.get("type"), call.params.get("resource")
    return [
        _shown(world, name)
        for name, rule in world.ha_rules.items()
        if kind in (None, rule["type"])
        and (resource is None or resource in split_list(rule["resources"]))
    ]


@call("GET", "/cluster/ha/rules/{rule}")
async def rule(world: World, call: Call) -> dict[str, Any]:
    """One rule."""
    _known(world, call.params["rule"])
    return _shown(world, call.params["rule"])


@call("POST", "/cluster/ha/rules")
async def create(world: World, call: Call) -> None:
    """A new rule for resources of HA."""
    given = _checked(call.params, whole=True)
    name = call.params["rule"]
    async with changing(world, FILE, "create ha rule failed"):
        if name in world.ha_rules:
            raise CallError(500, f"HA rule '{name}' already exists")
        _check_feasible(world, name, given)
        world.ha_rules[name] = given


@call("PUT", "/cluster/ha/rules/{rule}")
async def update(world: World, call: Call) -> None:
    """Change a rule, whose type stays."""
    params, name = call.params, call.params["rule"]
    async with changing(world, FILE, "update HA rules failed"):
        found = _known(world, name)
        check_file_digest(params.get("digest"), _digest(world))
        given = _checked({"type": found["type"], **params}, whole=False)
        if given["type"] != found["type"]:
            raise CallError(500, f"given type '{given['type']}' does not match '{found['type']}'")
        changed = found | given
        for key in split_list(params.get("delete", "")):
            if key in REQUIRED[found["type"]]:
                raise CallError(500, f"unable to delete required option '{key}'")
            changed.pop(key, None)
        _check_feasible(world, name, changed)
        world.ha_rules[name] = changed


@call("DELETE", "/cluster/ha/rules/{rule}")
async def delete(world: World, call: Call) -> None:
    """Forget a rule; a missing one is not an error."""
    async with changing(world, FILE, "delete ha rule failed"):
        world.ha_rules.pop(call.params["rule"], None)


def _checked(params: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """The options of a rule as the file keeps them; the schema of the call does not have them."""
    kind, errors = str(params.get("type", "")), {}
    if kind not in OPTIONS:
        known = ", ".join(OPTIONS)
        text = f"value '{kind}' does not have a value in the enumeration '{known}'"
        errors["type"] = text if kind else MISSING
        errors |= {key: ADDITIONAL for key in params if key not in ("type", "rule")}
        raise parameter_error(**errors)
    allowed = (*COMMON, *OPTIONS[kind], "delete", "digest", "node")
    errors |= {key: ADDITIONAL for key in params if key not in allowed}
    errors |= {key: MISSING for key in REQUIRED[kind] if whole and not params.get(key)}
    if "affinity" in params and params["affinity"] not in ("positive", "negative"):
        errors["affinity"] = (
            f"value '{params['affinity']}' does not have a value in the enumeration "
            "'positive, negative'"
        )
    if errors:
        raise parameter_error(**errors)
    kept = (*COMMON, *OPTIONS[kind])
    given = {key: value for key, value in params.items() if key in kept and key != "rule"}
    return given | {key: int(given[key]) for key in ("strict", "disable") if key in given}


def _check_feasible(world: World, name: str, rule: Mapping[str, Any]) -> None:
    """Refuse what names no resource of HA, or asks for the impossible."""
    for sid in split_list(rule["resources"]):
        if sid not in world.ha:
            raise CallError(500, f"cannot use unmanaged resource(s) {sid}.")
    for node in re.findall(r"([^,:\s]+)(?::\d+)?", str(rule.get("nodes", ""))):
        if node not in world.nodes and not node.isdecimal():
            raise CallError(500, f"cannot use non-existent node(s) {node}.")
    if rule["type"] == "resource-affinity" and (reasons := list(_conflicts(world, rule))):
        errors = {"resources": ", ".join(reasons)}
        raise CallError(400, f"Rule '{name}' is invalid.", errors)


def _conflicts(world: World, rule: Mapping[str, Any]) -> Iterator[str]:
    """Why resources can neither be kept together nor apart."""
    resources = split_list(rule["resources"])
    if len(resources) < 2:
        yield "rule is ineffective as there are less than two resources"
    if rule["affinity"] == "negative" and len(resources) > len(_nodes_for(world, resources)):
        yield "rule defines more resources than available nodes"
    if any(_priorities(world, sid) > 1 for sid in resources):
        yield "resources are in node affinity rules with multiple priorities"


def _affinities(world: World, sid: str) -> list[str]:
    return [
        str(rule["nodes"])
        for rule in world.ha_rules.values()
        if rule["type"] == "node-affinity" and sid in split_list(rule["resources"])
    ]


def _nodes_for(world: World, resources: list[str]) -> set[str]:
    """The nodes that the resources may run on."""
    named = {
        entry.partition(":")[0]
        for sid in resources
        for nodes in _affinities(world, sid)
        for entry in split_list(nodes)[:1]
    }
    return named or {node.name for node in world.members()}


def _priorities(world: World, sid: str) -> int:
    """How many priorities the nodes of a resource have."""
    return max(
        (
            len({entry.partition(":")[2] or "0" for entry in split_list(nodes)})
            for nodes in _affinities(world, sid)
        ),
        default=1,
    )


@call("GET", "/cluster/ha/groups")
async def groups(_world: World, _call: Call) -> None:
    """Rules have taken the place of groups."""
    raise CallError(500, f"cannot index groups: {GROUPS_ARE_GONE}")


@call("POST", "/cluster/ha/groups")
async def create_group(_world: World, _call: Call) -> None:
    """No more."""
    raise CallError(500, f"cannot create group: {GROUPS_ARE_GONE}")
