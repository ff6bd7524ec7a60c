# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of storages (`PVE/API2/Storage/Config.pm`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.entities import Storage
from pvesim.formats import split_list
from pvesim.guests import check_allowed
from pvesim.storage_types import TYPES
from pvesim.world import World

from .storage import may_see_storage

FILE = "storage_cfg"
OWN = ("content", "nodes", "shared", "disable")
"""What a storage has fields for; everything else is an option."""
NOT_KEPT = ("storage", "type", "digest", "delete", "password", "encryption-key", "keyring")
"""What is not in the file, secrets above all."""


@call("GET", "/storage")
async def storages(world: World, call: Call) -> list[dict[str, Any]]:
    """The storages that the caller may see."""
    wanted = call.params.get("type")
    return [
        _definition(world, storage)
        for storage in world.storages.values()
        if may_see_storage(call, storage) and wanted in (None, storage.type)
    ]


@call("GET", "/storage/{storage}")
async def storage(world: World, call: Call) -> dict[str, Any]:
    """One storage."""
    found = _known(world, call.params["storage"])
    check_allowed(call, f"/storage/{found.id}", "Datastore.Allocate")
    return _definition(world, found)


@call("POST", "/storage")
async def create(world: World, call: Call) -> dict[str, str]:
    """A new storage, which holds nothing yet."""
    params = call.params
    name, kind = params["storage"], TYPES[params["type"]]
    for option in kind.required:
        if not params.get(option):
            raise CallError(500, f"missing value for required option '{option}'")
    async with changing(world, FILE, "create storage failed"):
        if name in world.storages:
            raise CallError(500, f"storage ID '{name}' already defined")
        made = Storage(name, params["type"], kind.default, kind.shared)
        _apply(world, made, params)
        world.storages[name] = made
    return {"storage": name, "type": made.type}


@call("PUT", "/storage/{storage}")
async def update(world: World, call: Call) -> dict[str, str]:
    """Other options for a storage; what it is made of cannot change."""
    params = call.params
    async with changing(world, FILE, "update storage failed"):
        found = _known(world, params["storage"])
        check_file_digest(params.get("digest"), _digest(world))
        for key in split_list(params.get("delete", "")):
            _remove(found, key, params)
        _apply(world, found, params)
    return {"storage": found.id, "type": found.type}


@call("DELETE", "/storage/{storage}")
async def delete(world: World, call: Call) -> None:
    """Forget a storage; what it holds is out of reach then."""
    async with changing(world, FILE, "delete storage failed"):
        del world.storages[_known(world, call.params["storage"]).id]


def _known(world: World, name: str) -> Storage:
    if name not in world.storages:
        raise CallError(500, f"storage '{name}' does not exist")
    return world.storages[name]


def _apply(world: World, storage: Storage, params: Mapping[str, Any]) -> None:
    kind = TYPES[storage.type]
    if "content" in params:
        content = tuple(dict.fromkeys(split_list(params["content"])))
        for name in content:
            if name not in kind.content:
                raise CallError(500, f"storage does not support content type '{name}'")
        storage.content = content
    if "nodes" in params:
        named = tuple(split_list(params["nodes"]))
        for node in named:
            world.check_node(node)
        storage.nodes = named or None
    storage.disable = bool(params.get("disable", storage.disable))
    storage.shared = kind.shared or bool(params.get("shared", storage.shared))
    kept = {k: v for k, v in params.items() if k not in OWN and k not in NOT_KEPT}
    storage.options |= kept


def _remove(storage: Storage, key: str, params: Mapping[str, Any]) -> None:
    """Take an option back to its default."""
    kind = TYPES[storage.type]
    if key in params:
        text = f"unable to set and delete property '{key}' at the same time!"
        raise CallError(500, text)
    if key in kind.required:
        raise CallError(500, f"unable to delete required option '{key}'")
    if key in OWN:
        defaults = {"content": kind.default, "nodes": None, "shared": kind.shared, "disable": False}
        setattr(storage, key, defaults[key])
    else:
        storage.options.pop(key, None)


def _digest(world: World) -> str:
    return file_digest(*(_plain(storage) for storage in world.storages.values()))


def _definition(world: World, storage: Storage) -> dict[str, Any]:
    return _plain(storage) | {"digest": _digest(world)}


def _plain(storage: Storage) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "storage": storage.id,
        "type": storage.type,
        "content": ",".join(storage.content),
        **storage.options,
    }
    if storage.shared:
        entry["shared"] = 1
    if storage.disable:
        entry["disable"] = 1
    if storage.nodes is not None:
        entry["nodes"] = ",".join(storage.nodes)
    return entry
