# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a world file: YAML, the format is described at the top of data/default_world.yml."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .ceph import fill_ceph
from .drives import disks
from .entities import Guest, Node, Snapshot, Storage, Volume
from .history import Entry
from .ranges import expand
from .sdn import fill_sdn
from .storage_types import TYPES
from .upid import Upid
from .volumes import find_volume, volume_format
from .worldconfig import fill_config
from .worldkeys import WorldFileError, check_keys

if TYPE_CHECKING:
    from .world import World


__all__ = ["WorldFileError", "checked", "fill", "past_task", "read"]
BASE = re.compile(r"([^:]+:(?:[^/]+/)?base-[^/]+)/.+")
"""A linked clone, which names the volume that it rests on."""

PLAIN = ("maxcpu", "maxmem", "maxdisk", "uptime", "state", "member", "pvedaemon", "pveam",
         "clock_offset")  # fmt: skip
"""Keys of a node that are kept as they are."""


def read(file: Path) -> dict[str, Any]:
    """What a file says, checked; raises WorldFileError."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        return checked(data)
    except WorldFileError as error:
        raise WorldFileError(f"{file}: {error}") from error


def checked(data: Any) -> dict[str, Any]:
    """What describes a world, with every entry that stands for many written out."""
    if not isinstance(data, dict) or not data.get("nodes"):
        raise WorldFileError("a world needs at least one node")
    check_keys(data)
    return expand(data)


def fill(world: World, data: Mapping[str, Any]) -> None:
    """Put what was checked into an empty world."""
    world.cluster_name = data.get("cluster", "sim")
    world.options = dict(data.get("options") or {})
    world.durations = {k: (float(v[0]), float(v[1])) for k, v in _map(data, "durations")}
    world.ha_disarmed = str(data.get("ha_disarmed") or "")
    world.start_failures = float(data.get("start_failures", 0.0))
    for number, (name, node) in enumerate(_map(data, "nodes"), start=1):
        world.nodes[name] = _node(name, number, node or {})
    for name, storage in _map(data, "storages"):
        world.storages[name] = _storage(world, name, storage or {})
    complete = {name for name, storage in _map(data, "storages") if storage.get("complete")}
    listed = {s.id: {(v.volid, v.node) for v in s.volumes} for s in world.storages.values()}
    for vmid, guest in _map(data, "guests"):
        made = world.guests[int(vmid)] = _guest(world, int(vmid), guest)
        for storage, volume in _own_volumes(world, made):
            if storage.id not in complete and (volume.volid, volume.node) not in listed[storage.id]:
                storage.volumes.append(volume)
    fill_config(world, data)
    fill_ceph(world, data.get("ceph") or {})
    fill_sdn(world, data.get("sdn") or {})
    for task in sorted(data.get("tasks") or (), key=lambda task: -float(task["ago"])):
        past_task(world, task)
    world.statd.refresh()


def _map(data: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    """The entries of a part of the world."""
    return list((data.get(key) or {}).items())


def _node(name: str, number: int, data: Mapping[str, Any]) -> Node:
    node = Node(name, number, data.get("address", f"192.0.2.{10 + number}"))
    for key in PLAIN:
        if key in data:
            setattr(node, key, data[key])
    node.acme = str(data.get("acme", ""))
    node.updates = tuple(data.get("updates") or ())
    node.config = dict(data.get("config") or {})
    for key in ("disks", "network", "new_network", "dns"):
        setattr(node, key, copy.deepcopy(data.get(key)))
    for key in ("directories", "volume_groups", "zpools"):
        setattr(node, key, copy.deepcopy(dict(data.get(key) or {})))
    node.system = dict(data.get("system") or {})
    if "bridges" in data:
        node.bridges = tuple(data["bridges"])
    return node


def _storage(world: World, name: str, data: Mapping[str, Any]) -> Storage:
    kind = TYPES.get(data.get("type", ""))
    if kind is None:
        text = f"storages.{name}: type {data.get('type')!r} is none of {', '.join(TYPES)}"
        raise WorldFileError(text)
    content = tuple(data.get("content") or kind.default)
    if wrong := [c for c in content if c not in kind.content]:
        text = f"storages.{name}: a storage of type {data['type']} cannot hold {wrong[0]!r}"
        raise WorldFileError(text)
    storage = Storage(name, data["type"], content, bool(data.get("shared", kind.shared)))
    storage.nodes = tuple(data["nodes"]) if data.get("nodes") else None
    storage.disable = bool(data.get("disable", False))
    storage.total = int(data.get("total", storage.total))
    storage.alloc_seconds = float(data.get("alloc_seconds", storage.alloc_seconds))
    storage.options = dict(data.get("options") or {})
    for entry in data.get("volumes") or ():
        if "name" not in entry:
            raise WorldFileError(f"storages.{name}: a volume needs a name")
        nodes = [None] if storage.shared else entry.get("nodes", list(storage.nodes or world.nodes))
        for node in nodes:
            storage.volumes.append(_volume(world, name, entry, node))
    return storage


def _volume(world: World, storage: str, entry: Mapping[str, Any], node: str | None) -> Volume:
    volid = f"{storage}:{entry['name']}"
    content = entry.get("content") or entry["name"].partition("/")[0]
    form = entry.get("format") or volume_format(volid)
    volume = Volume(volid, content, form, int(entry.get("size", 1 << 30)), entry.get("vmid"))
    volume.ctime = int(world.born - float(entry.get("ago", 30 * 86400)))
    volume.node, volume.parent, volume.used = node, entry.get("parent"), entry.get("used")
    volume.disk_size = entry.get("disk_size")
    volume.config = dict(entry["config"]) if entry.get("config") else None
    volume.notes, volume.protected = entry.get("notes", ""), bool(entry.get("protected"))
    volume.ostype = entry.get("ostype", "")
    return volume


def _guest(world: World, vmid: int, data: Mapping[str, Any]) -> Guest:
    for key in ("type", "node"):
        if key not in data:
            raise WorldFileError(f"guests.{vmid}: {key} is missing")
    guest = Guest(vmid, data["type"], data["node"], dict(data.get("config") or {}))
    if guest.node not in world.nodes:
        raise WorldFileError(f"guest {vmid}: there is no node {guest.node}")
    if data.get("status", "stopped") == "running":
        guest.status, guest.started = "running", world.clock.now() - float(data.get("up", 3600))
    guest.paused, guest.pending = bool(data.get("paused")), dict(data.get("pending") or {})
    for name, snapshot in (data.get("snapshots") or {}).items():
        guest.snapshots[name] = Snapshot(
            name,
            int(world.born - float(snapshot.get("ago", 86400))),
            snapshot.get("parent"),
            dict(snapshot.get("config") or guest.config),
            snapshot.get("description", ""),
            bool(snapshot.get("vmstate")),
        )
    return guest


def _own_volumes(world: World, guest: Guest) -> Iterator[tuple[Storage, Volume]]:
    """The volumes that follow from the config of a guest, each with its storage."""
    for drive in disks(guest.type, guest.config):
        storage = world.storages.get(str(drive.storage))
        if storage is None:
            text = f"guests.{guest.vmid}: {drive.key} is on {drive.storage}, which is no storage"
            raise WorldFileError(text)
        volid, content = drive.volume, "images" if guest.type == "qemu" else "rootdir"
        volume = Volume(volid, content, volume_format(volid), drive.size, guest.vmid)
        volume.ctime = int(world.born) - 7 * 86400
        volume.node = None if storage.shared else guest.node
        if match := BASE.fullmatch(volid):
            volume.parent = match[1]
        yield storage, volume


def add_volumes(world: World, guest: Guest) -> None:
    """The volumes that the config of a guest names and that are not there come into being."""
    for storage, volume in _own_volumes(world, guest):
        if find_volume(world, volume.volid, guest.node) is None:
            storage.volumes.append(volume)


def past_task(world: World, data: Mapping[str, Any]) -> None:
    """A task of the past: `ago` seconds before now it began, `seconds` it took."""
    started = world.time_at(data["node"]) - float(data["ago"])
    node, user = data["node"], data.get("user", "root@pam")
    target = data.get("target")
    known = Upid.parse(data["upid"]) if data.get("upid") else None
    task = world.tasks.record(
        node, user, data["type"], str(data.get("id", "")), started, target, known
    )
    task.ended = started + float(data.get("seconds", 1))
    task.noticed = int(task.ended)
    status = data.get("exitstatus", "OK")
    for line in data.get("log") or ():
        task.write(f"{line}\n")
    plain = status == "OK" or status.startswith("WARNINGS: ")
    if status != "unexpected status":
        task.write(f"TASK {status}\n" if plain else f"TASK ERROR: {status}\n")
    world.tasks.history(node).add(Entry(task, task.noticed, task.exitstatus))
