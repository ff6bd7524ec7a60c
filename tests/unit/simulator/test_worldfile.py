# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mistake in a world file is named; what is not said is what Proxmox VE takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pvesim.world import World
from pvesim.worldfile import WorldFileError

NODES: dict[str, Any] = {"nodes": {"a": None}}
VM = {"type": "qemu", "node": "a"}


def load(folder: Path, **parts: Any) -> World:
    """The world of one node and these parts."""
    file = folder / "world.yml"
    file.write_text(yaml.safe_dump(NODES | parts))
    return World.load(file)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"guest": {}}, "unknown key 'guest', did you mean 'guests'?"),
        (
            {"nodes": {"a": {"maxcpus": 1}}},
            "nodes.a: unknown key 'maxcpus', did you mean 'maxcpu'?",
        ),
        ({"guests": {100: {**VM, "state": "x"}}}, "guests.100: unknown key 'state'"),
        (
            {"storages": {"s": {"type": "dir", "volumes": [{"nam": "iso/x.iso"}]}}},
            "storages.s.volumes.0: unknown key 'nam', did you mean 'name'?",
        ),
        (
            {"users": {"u@pve": {"tokens": {"t": {"secrets": "x"}}}}},
            "users.u@pve.tokens.t: unknown key 'secrets', did you mean 'secret'?",
        ),
        ({"acl": [{"path": "/", "user": "x"}]}, "acl.0: unknown key 'user'"),
        ({"pools": ["web"]}, "pools.0: 'web' is no mapping"),
        ({"pools": "web"}, "pools: 'web' is neither a mapping nor a list"),
        ({"storages": {"s": {"content": ["iso"]}}}, "storages.s: type None is none of dir, "),
        (
            {"storages": {"s": {"type": "lvm", "content": ["iso"]}}},
            "storages.s: a storage of type lvm cannot hold 'iso'",
        ),
        ({"guests": {100: {"node": "a"}}}, "guests.100: type is missing"),
        (
            {"guests": {100: {**VM, "config": {"scsi0": "no:vm-100-disk-0,size=1G"}}}},
            "guests.100: scsi0 is on no, which is no storage",
        ),
    ],
)
def test_an_error_is_named(tmp_path: Path, parts: dict[str, Any], words: str) -> None:
    with pytest.raises(WorldFileError) as caught:
        load(tmp_path, **parts)
    assert words in str(caught.value)


def test_a_storage_without_content_holds_what_its_type_holds(tmp_path: Path) -> None:
    world = load(tmp_path, storages={"d": {"type": "dir"}, "n": {"type": "nfs"}})
    assert world.storages["d"].content == ("images", "rootdir")
    assert world.storages["n"].content == ("images",)
    assert world.storages["n"].shared


def test_anchors_have_a_place(tmp_path: Path) -> None:
    assert load(tmp_path, **{"x-common": {"any": 1}}).nodes


def test_a_complete_storage_has_no_disks_but_its_volumes(tmp_path: Path) -> None:
    guests = {100: {**VM, "config": {"scsi0": "s:100/vm-100-disk-0.raw,size=1G"}}}
    storage = {"type": "dir", "content": ["images"]}
    assert load(tmp_path, guests=guests, storages={"s": storage}).storages["s"].volumes
    missing = load(tmp_path, guests=guests, storages={"s": {**storage, "complete": True}})
    assert missing.storages["s"].volumes == []
