# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older templates: which are to go, and why one that is to go may stay.

Nothing goes that has lost its mark, its name or its being a template since it was looked up.
"""

from __future__ import annotations

import typing as t

from ...api.answers import read_mapping
from ...api.errors import ApiError, Cause
from ...guests.ties import linked_volumes
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
    clones = await _linked_clones(api, guest, config)
    if clones:
        raise Unneeded(f"its disks are the base of linked clones: {', '.join(clones)}")


async def _linked_clones(api: Api, guest: Guest, config: t.Mapping[str, t.Any]) -> list[str]:
    """The guests with disks that are based on those of this template, ``VM 101`` or its volume.

    Unneeded if that cannot be determined.
    """
    rows, unread = await linked_volumes(api, guest, config)
    if unread:
        raise Unneeded(f"its linked clones cannot be read on storage {', '.join(unread)}")
    owners = {f"VM {row['vmid']}" if row.get("vmid") else str(row["volid"]) for row in rows}
    return sorted(owners)


def needs_growth(config: Configuration, disk: str, gib: int | None) -> bool:
    """Whether the disk of the image is smaller than wanted; one that is larger stays."""
    have = config.disk_size(disk)
    return gib is not None and (have is None or have < gib << 30)
