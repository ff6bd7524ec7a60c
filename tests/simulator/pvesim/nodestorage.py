# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages that are created and removed with objects on the disks of a node.

Source: `create_or_update` and `cleanup_storages_for_node` of `PVE/API2/Storage/Config.pm`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import Call, CallError
from .entities import Storage
from .guests import check_allowed

if TYPE_CHECKING:
    from .worker import Worker
    from .world import World

CONTENT = ("rootdir", "images")
FILES = ("rootdir", "images", "iso", "backup", "vztmpl", "snippets")


class NodeStorage:
    """The storage of one thing on a node: its name, type and the options that say where it is."""

    def __init__(self, name: str, kind: str, options: dict[str, Any], total: int) -> None:
        self.name, self.kind, self.options, self.total = name, kind, options, total

    def check(self, world: World, call: Call) -> None:
        """Refuse the name of another storage, or of this one where the node has it already."""
        check_allowed(call, "/storage", "Datastore.Allocate")
        storage = world.storages.get(self.name)
        if storage is None:
            return
        if storage.nodes is None or call.node in storage.nodes:
            raise CallError(500, f"Storage ID '{self.name}' already exists on node {call.node}")
        there = {"type": storage.type, **storage.options}
        for key, value in {**self.options, "type": self.kind}.items():
            if there.get(key) != value:
                text = f"Option '{key}' ({value}) does not match existing storage configuration"
                raise CallError(500, f"{text}: {there.get(key)}")

    def add(self, worker: Worker) -> None:
        """Configure it, or have the node among those that have it."""
        storages = worker.world.storages
        storage = storages.get(self.name)
        if storage is not None:
            storage.nodes = tuple(sorted({*(storage.nodes or ()), worker.node}))
            worker.log(f"Added '{worker.node}' to nodes for storage '{self.name}'")
            return
        content = FILES if self.kind == "dir" else CONTENT
        made = Storage(self.name, self.kind, content, nodes=(worker.node,), total=self.total)
        made.options = dict(self.options) | ({"is_mountpoint": "1"} if self.kind == "dir" else {})
        storages[self.name] = made

    def remove(self, worker: Worker) -> None:
        """No storage that was there has it on this node any more."""
        world = worker.world
        for storage in list(world.storages.values()):
            there = {"type": storage.type, **storage.options}
            wanted = {**self.options, "type": self.kind}
            if any(there.get(key) != value for key, value in wanted.items()):
                continue
            nodes = storage.nodes if storage.nodes is not None else tuple(world.nodes)
            left = tuple(node for node in nodes if node != worker.node)
            if left:
                storage.nodes = left
                storage.volumes = [v for v in storage.volumes if v.node != worker.node]
            elif worker.node in nodes:
                del world.storages[storage.id]
