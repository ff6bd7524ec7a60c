# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest is still the one that was found by its name, by its own configuration."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..api.answers import read_mapping
from ..api.errors import ApiError, Cause, PveError
from .cluster import Guest, split_tags

if t.TYPE_CHECKING:
    from ..api.client import Api


def still_named(guest: Guest) -> t.Callable[[Api], t.Awaitable[None]]:
    """A ``recheck`` for a job: see ``read_while_named``."""

    async def recheck(api: Api) -> None:
        await read_while_named(api, guest)

    return recheck


async def read_while_named(api: Api, guest: Guest) -> Guest:
    """The guest with its current tags, if its own configuration still has its name.

    PveError if it was removed or moved, or if its VMID now belongs to a guest of another name.
    """
    path = ("nodes", guest.node, guest.type, guest.vmid, "config")
    try:
        config = await read_mapping(api, path)
    except ApiError as error:
        if error.cause is not Cause.GONE:
            raise
        raise PveError(
            f"{guest.title} no longer exists there: it was removed or moved after it was looked up"
            f" by its name {guest.name!r}; nothing was done"
        ) from error
    name = config_name(guest.type, config)
    if name != guest.name:
        raise PveError(
            f"VMID {guest.vmid} is now named {name!r}, not {guest.name!r} as when it was"
            " looked up; it is not changed"
        )
    template = str(config.get("template") or 0) == "1"
    return replace(guest, tags=split_tags(config.get("tags")), template=template)


def config_name(guest_type: str, config: t.Mapping[str, t.Any]) -> str | None:
    """The name in a guest's configuration, None if there is none."""
    name = config.get("name" if guest_type == "qemu" else "hostname")
    return None if name is None else str(name)
