# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world in the format of a world file, so that it can be loaded again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .entities import Guest, Node, Storage, Volume
from .task import Task
from .worldconfig import config_json

if TYPE_CHECKING:
    from .world import World

NODE = ("address", "maxcpu", "maxmem", "maxdisk", "bridges", "acme", "updates", "pveam", "state",
        "member", "pvedaemon", "config", "clock_offset", "system", "disks",
        "network", "new_network", "dns", "directories", "volume_groups", "zpools")  # fmt: skip
VOLUME = ("size", "disk_size", "content", "format", "vmid", "parent", "used", "config", "notes",
          "ostype")  # fmt: skip
Document = dict[str, Any]


def saved(world: World) -> Document:
    """Everything but what runs at the moment: tasks at work are left out, and all faults.

    It holds passwords and the secrets of tokens, without which nobody could log in afterwards.
    """
    now = world.clock.now()
    return copy.deepcopy(
        {
            "cluster": world.cluster_name,
            "options": world.options,
            "durations": {task_type: list(pair) for task_type, pair in world.durations.items()},
            "start_failures": world.start_failures,
            "ha_disarmed": world.ha_disarmed,
            "nodes": {node.name: _node(node, world) for node in world.nodes.values()},
            "storages": {s.id: _storage(s, now) for s in world.storages.values()},
            "guests": {str(g.vmid): _guest(g, now) for g in world.guests.values()},
            "tasks": [
                _task(task, world.time_at(task.upid.node))
                for task in world.tasks.every()
                if task.ended is not None
            ],
            **config_json(world, secrets=True),
        }
    )


def _node(node: Node, world: World) -> Document:
    entry = {key: getattr(node, key) for key in NODE}
    entry |= {"bridges": list(node.bridges), "updates": list(node.updates)}
    return entry | {"uptime": node.uptime + world.clock.now() - world.born}


def _storage(storage: Storage, now: float) -> Document:
    entry: Document = {"type": storage.type, "content": list(storage.content), "complete": True}
    for key in ("shared", "disable", "total", "alloc_seconds", "options"):
        entry[key] = getattr(storage, key)
    entry |= {"nodes": list(storage.nodes)} if storage.nodes else {}
    return entry | {"volumes": [_volume(volume, now) for volume in storage.volumes]}


def _volume(volume: Volume, now: float) -> Document:
    entry: Document = {"name": volume.volid.partition(":")[2], "ago": now - volume.ctime}
    for key in VOLUME:
        if (value := getattr(volume, key)) not in (None, ""):
            entry[key] = value
    entry |= {"protected": True} if volume.protected else {}
    return entry | ({"nodes": [volume.node]} if volume.node else {})


def _guest(guest: Guest, now: float) -> Document:
    entry: Document = {"type": guest.type, "node": guest.node, "status": guest.status}
    entry |= {"config": guest.config, "pending": guest.pending, "paused": guest.paused}
    if guest.started is not None:
        entry["up"] = now - guest.started
    entry["snapshots"] = {
        name: {
            "ago": now - snapshot.snaptime,
            "parent": snapshot.parent,
            "description": snapshot.description,
            "config": snapshot.config,
            "vmstate": snapshot.vmstate,
        }
        for name, snapshot in guest.snapshots.items()
    }
    return entry


def _task(task: Task, now: float) -> Mapping[str, Any]:
    upid, status = task.upid, task.exitstatus
    last = [] if status == "unexpected status" else task.lines[-1:]
    return {
        "upid": str(upid),
        "node": upid.node,
        "type": upid.type,
        "id": upid.id,
        "user": upid.user,
        "target": task.target,
        "ago": now - task.started,
        "seconds": (task.ended or task.started) - task.started,
        "exitstatus": status,
        "log": task.lines[: len(task.lines) - len(last)],
    }
