# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a world file: YAML, the format is described at the top of data/default_world.yml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .drives import disks
from .entities import Acl, Guest, Node, Pool, Snapshot, Storage, Token, User, Volume
from .history import Entry
from .ranges import expand
from .volumes import volume_format

if TYPE_CHECKING:
    from .world import World


BASE = re.compile(r"([^:]+:(?:[^/]+/)?base-[^/]+)/.+")
"""A linked clone, which names the volume that it rests on."""


class WorldFileError(Exception):
    """The world file says something that makes no world."""


def fill(world: World, file: Path) -> None:
    """Put what the file describes into an empty world."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or not data.get("nodes"):
        raise WorldFileError(f"{file}: a world needs at least one node")
    data = expand(data)
    world.cluster_name = data.get("cluster", "sim")
    world.options = dict(data.get("options") or {})
    world.durations = {k: (float(v[0]), float(v[1])) for k, v in _map(data, "durations")}
    world.start_failures = float(data.get("start_failures", 0.0))
    for number, (name, node) in enumerate(_map(data, "nodes"), start=1):
        world.nodes[name] = _node(name, number, node or {})
    for name, storage in _map(data, "storages"):
        world.storages[name] = _storage(world, name, storage)
    for vmid, guest in _map(data, "guests"):
        world.guests[int(vmid)] = _guest(world, int(vmid), guest)
    for poolid, pool in _map(data, "pools"):
        members = {int(vmid) for vmid in (pool or {}).get("members", ())}
        world.pools[poolid] = Pool(poolid, (pool or {}).get("comment", ""), members)
    _access(world, data)
    world.ha = {sid: dict(resource or {}) for sid, resource in _map(data, "ha")}
    for task in sorted(data.get("tasks") or (), key=lambda task: -float(task["ago"])):
        past_task(world, task)
    world.statd.refresh()


def _map(data: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    return list((data.get(key) or {}).items())


def _node(name: str, number: int, data: Mapping[str, Any]) -> Node:
    node = Node(name, number, data.get("address", f"192.0.2.{10 + number}"))
    for key in ("maxcpu", "maxmem", "maxdisk", "uptime", "state", "member", "pvedaemon", "pveam"):
        if key in data:
            setattr(node, key, data[key])
    node.acme = str(data.get("acme", ""))
    node.updates = tuple(data.get("updates") or ())
    if "bridges" in data:
        node.bridges = tuple(data["bridges"])
    return node


def _storage(world: World, name: str, data: Mapping[str, Any]) -> Storage:
    storage = Storage(name, data["type"], tuple(data["content"]), bool(data.get("shared", False)))
    storage.nodes = tuple(data["nodes"]) if data.get("nodes") else None
    storage.disable = bool(data.get("disable", False))
    storage.total = int(data.get("total", storage.total))
    storage.alloc_seconds = float(data.get("alloc_seconds", storage.alloc_seconds))
    storage.options = dict(data.get("options") or {})
    for entry in data.get("volumes") or ():
        nodes = [None] if storage.shared else entry.get("nodes", list(storage.nodes or world.nodes))
        for node in nodes:
            storage.volumes.append(_volume(world, name, entry, node))
    return storage


def _volume(world: World, storage: str, entry: Mapping[str, Any], node: str | None) -> Volume:
    volid = f"{storage}:{entry['name']}"
    content = entry.get("content") or entry["name"].partition("/")[0]
    form = entry.get("format") or volume_format(volid)
    volume = Volume(volid, content, form, int(entry.get("size", 1 << 30)), entry.get("vmid"))
    volume.ctime, volume.node = int(world.born) - 30 * 86400, node
    return volume


def _guest(world: World, vmid: int, data: Mapping[str, Any]) -> Guest:
    guest = Guest(vmid, data["kind"], data["node"], dict(data.get("config") or {}))
    if guest.node not in world.nodes:
        raise WorldFileError(f"guest {vmid}: there is no node {guest.node}")
    if data.get("status", "stopped") == "running":
        guest.status, guest.started = "running", world.clock.now() - float(data.get("up", 3600))
    for name, snapshot in (data.get("snapshots") or {}).items():
        guest.snapshots[name] = Snapshot(
            name,
            int(world.born - float(snapshot.get("ago", 86400))),
            snapshot.get("parent"),
            dict(snapshot.get("config") or guest.config),
            snapshot.get("description", ""),
        )
    for drive in disks(guest.kind, guest.config):
        storage = world.storages[str(drive.storage)]
        volid, content = drive.volume, "images" if guest.kind == "qemu" else "rootdir"
        volume = Volume(volid, content, volume_format(volid), drive.size, vmid)
        volume.ctime = int(world.born) - 7 * 86400
        volume.node = None if storage.shared else guest.node
        if match := BASE.fullmatch(volid):
            volume.parent = match[1]
        storage.volumes.append(volume)
    return guest


def _access(world: World, data: Mapping[str, Any]) -> None:
    for userid, entry in _map(data, "users"):
        tokens = {
            name: Token(name, token["secret"], bool(token.get("privsep", True)))
            for name, token in _map(entry, "tokens")
        }
        user = User(userid, str(entry.get("password", "")), bool(entry.get("enabled", True)))
        user.totp, user.tokens = entry.get("totp"), tokens
        world.users[userid] = user
    world.roles = {role: set(privileges) for role, privileges in _map(data, "roles")}
    for line in data.get("acl") or ():
        propagate = bool(line.get("propagate", True))
        world.acl.append(Acl(line["path"], line["authid"], line["role"], propagate))


def past_task(world: World, data: Mapping[str, Any]) -> None:
    """A task of the past: `ago` seconds before now it began, `seconds` it took."""
    started = world.time_at(data["node"]) - float(data["ago"])
    node, user = data["node"], data.get("user", "root@pam")
    target = data.get("target")
    task = world.tasks.record(node, user, data["type"], str(data.get("id", "")), started, target)
    task.ended = started + float(data.get("seconds", 1))
    task.noticed = int(task.ended)
    status = data.get("exitstatus", "OK")
    for line in data.get("log") or ():
        task.write(f"{line}\n")
    plain = status == "OK" or status.startswith("WARNINGS: ")
    if status != "unexpected status":
        task.write(f"TASK {status}\n" if plain else f"TASK ERROR: {status}\n")
    world.tasks.history(node).add(Entry(task, task.noticed, task.exitstatus))
