# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older templates: which are to go, and why one that is to go may stay.

Nothing goes that has lost its mark, its name or its being a template since it was looked up.
"""

from __future__ import annotations

import asyncio
import re
import typing as t

from ...api.answers import read_mapping, read_rows
from ...api.errors import ApiError, Cause, PveError
from ...guests.volumes import DRIVE, storage_of, volume_of
from ...operations.job import Unneeded
from .image import identity_of

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Guest
    from ...guests.config import Configuration
    from ..context import Context
    from .targets import Target


def choose_surplus(context: Context, target: Target) -> None:
    """Note which of the older ones go, and why the others stay.

    The wanted template is one of those that are kept; a VM that never became a template is none.
    """
    room = context.params["keep"] - 1
    surplus = []
    for guest in target.old:
        if guest.template and room > 0:
            room -= 1
            target.kept[guest.vmid] = f"one of the newest {context.params['keep']}"
        elif not context.params["allow_destructive"]:
            target.kept[guest.vmid] = "allow_destructive is false"
        else:
            surplus.append(guest)
    target.surplus = tuple(surplus)


async def check_surplus(api: Api, guest: Guest) -> None:
    """Unneeded, with the reason, if an older template has to stay; read at this moment."""
    path = ("nodes", guest.node, "qemu", guest.vmid)
    try:
        config = await read_mapping(api, (*path, "config"))
        state = await read_mapping(api, (*path, "status", "current"))
    except ApiError as error:
        if error.cause is Cause.GONE:
            raise Unneeded("it has gone, or moved, in the meantime") from error
        raise
    same = (
        config.get("name") == guest.name
        and identity_of(config, guest.vmid) is not None
        and (str(config.get("template") or 0) == "1") == guest.template
    )
    reasons = (
        (not same, "it is not what it was when it was looked up"),
        (str(config.get("protection") or 0) == "1", "it is protected (protection: 1)"),
        (config.get("lock") is not None, f"it is locked ({config.get('lock')})"),
        (state.get("status") == "running", "it is running"),
    )
    why = next((text for holds, text in reasons if holds), "")
    if why:
        raise Unneeded(why)
    clones = await linked_clones(api, guest, config)
    if clones:
        raise Unneeded(f"its disks are the base of linked clones: {', '.join(clones)}")


async def linked_clones(api: Api, guest: Guest, config: t.Mapping[str, t.Any]) -> list[str]:
    """The guests with disks that are based on those of this template, ``VM 101`` or its volume.

    Unneeded if that cannot be determined. Clones on LVM-thin are not seen, and need not be: they do
    not depend on their origin.
    """
    volumes = [volume_of(str(v)) for key, v in config.items() if DRIVE.match(key)]
    bases = [volume for volume in volumes if "base-" in volume]
    storages = sorted({str(storage_of(volume)) for volume in bases})
    try:
        lists = await asyncio.gather(*(_images(api, guest.node, name) for name in storages))
    except PveError as error:
        raise Unneeded(f"its linked clones cannot be read: {error}") from error
    found = set()
    for rows in lists:
        for row in rows:
            if str(row.get("volid")) not in bases and any(_is_based(row, one) for one in bases):
                owner = row.get("vmid")
                found.add(f"VM {owner}" if owner else str(row.get("volid")))
    return sorted(found)


async def _images(api: Api, node: str, storage: str) -> list[t.Mapping[str, t.Any]]:
    path = ("nodes", node, "storage", storage, "content")
    return await read_rows(api, path, {"content": "images"})


def _is_based(row: t.Mapping[str, t.Any], base: str) -> bool:
    """Whether a volume is based on another.

    The volume has its base in its own name (``ceph:base-9000-disk-0/vm-101-disk-0``), or names it
    as its parent (``base-9000-disk-0@__base__``, ``../9000/base-9000-disk-0.qcow2``).
    """
    name = base.split(":", 1)[1].rsplit("/", 1)[-1]
    own = str(row.get("volid")).split(":", 1)[-1]
    pattern = rf"(\A|/){re.escape(name)}"
    return bool(
        re.search(rf"{pattern}/", own)
        or re.search(rf"{pattern}(@|\Z)", str(row.get("parent") or ""))
    )


def needs_growth(config: Configuration, disk: str, gib: int | None) -> bool:
    """Whether the disk of the image is smaller than wanted; one that is larger stays."""
    have = config.disk_size(disk)
    return gib is not None and (have is None or have < gib << 30)
