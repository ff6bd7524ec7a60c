# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that match the filters of the user; each is checked again before it is changed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..api.answers import read_mapping, read_rows
from ..api.errors import ApiError, Cause, UsageError
from ..guests.cluster import split_tags
from ..guests.identity import config_name
from ..guests.selector import EVERY
from ..operations.job import Unneeded

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.cluster import Cluster, Guest
    from ..guests.selector import Selector
    from ..guests.shared_readings import SharedReadings
    from .context import Context


async def check_selector(api: Api, selector: Selector, cluster: Cluster) -> None:
    """Refuse a node or a pool that does not exist; a pool without guests selects none."""
    for node in selector.nodes:
        if node != EVERY and node not in cluster.nodes:
            cluster.node(node, "nodes")
    pool = selector.pool
    if pool is None or any(guest.pool == pool for guest in cluster.guests.values()):
        return
    rows = await read_rows(api, ("pools",))
    if not any(row.get("poolid") == pool for row in rows):
        raise UsageError(
            f"pool: there is no pool {pool!r}, or the user or token lacks Pool.Audit on"
            f" /pool/{pool}"
        )


def silence(guest: Guest, cluster: Cluster) -> str | None:
    """Why a guest cannot be read, None if its node has just listed it."""
    if (guest.node, guest.type) not in cluster.unread:
        return None
    node = cluster.nodes.get(guest.node)
    if node is not None and not node.online:
        return "its node is offline"
    return f"node {guest.node} did not list its guests"


def selected(context: Context, selector: Selector, cluster: Cluster) -> list[Guest]:
    """The selected guests by VMID, including those that probably match on a silent node.

    A warning names those for which it is unknown.
    """
    found = []
    for guest in cluster.guests.values():
        silent = silence(guest, cluster)
        if selector.fits(guest) or (silent and selector.probably_fits(guest)):
            found.append(guest)
        elif silent and guest.hint is None and replace(selector, names=()).probably_fits(guest):
            context.warn(f"{guest.title}: left out, its name is not known: {silent}")
    return found


def still_selected(
    guest: Guest, selector: Selector, readings: SharedReadings
) -> t.Callable[[Api], t.Awaitable[None]]:
    """A ``recheck`` for a job: Unneeded unless the guest's own configuration still matches.

    Its pool is only in the cluster's list, which is read once for all guests at the same time.
    """

    async def recheck(api: Api) -> None:
        now = await _now(api, guest, selector, readings)
        if now is None or not selector.fits(now):
            raise Unneeded(no_longer(guest, selector))

    return recheck


def no_longer(guest: Guest, selector: Selector) -> str:
    """The message about a guest that no longer matches."""
    return f"{guest.title} is no longer one with {selector.title}; it is not changed"


async def _now(
    api: Api, guest: Guest, selector: Selector, readings: SharedReadings
) -> Guest | None:
    """The guest in its current state, as far as the selector needs it; None if it is gone."""
    path = ("nodes", guest.node, guest.type, guest.vmid)
    try:
        config = await read_mapping(api, (*path, "config"))
        state = await read_mapping(api, (*path, "status", "current")) if selector.status else {}
    except ApiError as error:
        if error.cause is Cause.GONE:  # removed or moved
            return None
        raise
    pool = guest.pool
    if selector.pool is not None:
        there = (await readings.read()).guests.get(guest.vmid)
        pool = None if there is None else there.pool
    return replace(
        guest,
        name=config_name(guest.type, config),
        tags=split_tags(config.get("tags")),
        template=str(config.get("template", 0)) == "1",
        status=str(state.get("status") or guest.status),
        pool=pool,
    )
