# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_info: guests by list or filter, with configuration and addresses."""

from __future__ import annotations

import asyncio
import typing as t

from ..addresses import read_addresses, wait_for_addresses
from ..command import Context, Report, Values
from ..errors import ApiError, Trouble
from ..guests import KINDS, Guest, kinds_to_name, read_cluster, read_fresh, split_tags

if t.TYPE_CHECKING:
    from ..guests import Cluster


async def run(context: Context) -> Report:
    """Find the guests, then read of each what is wanted."""
    params = context.params
    guests = params["guests"]
    names = KINDS if guests is None else kinds_to_name(guests)
    cluster = await read_cluster(context.api, names)
    chosen = _chosen(cluster, params)
    if params["guests"]:
        # The cluster's view of a state is up to ten seconds old; a few guests are asked again.
        chosen = await read_fresh(context.api, chosen)
    chosen = [guest for guest in chosen if _fits(guest, params)]
    values = await asyncio.gather(*(_values(context, guest) for guest in chosen))
    without = [guest.title + f": {why}" for guest, (_value, why) in zip(chosen, values) if why]
    problem = None
    if params["wait_for_address"] and without:
        problem = (
            f"{len(without)} of {len(chosen)} guests have no address after"
            f" {params['address_timeout']} s:\n" + "\n".join(without)
        )
    return Report(
        {"guests": [value for value, _why in values], "summary": {"total": len(values)}},
        problem=problem,
    )


def _chosen(cluster: Cluster, params: t.Mapping[str, t.Any]) -> list[Guest]:
    if params["node"] is not None and params["node"] not in cluster.nodes:
        cluster.node(params["node"], "node")
    if params["guests"] is None:
        return [guest for guest in cluster.guests.values() if _fits(guest, params)]
    found = [cluster.get(reference, "guests") for reference in params["guests"]]
    return list({guest.vmid: guest for guest in found}.values())


def _fits(guest: Guest, params: t.Mapping[str, t.Any]) -> bool:
    same = all(
        params[name] is None or params[name] == getattr(guest, name)
        for name in ("pool", "node", "kind", "status")
    )
    return same and set(split_tags(params["tags"])) <= set(guest.tags)


async def _values(context: Context, guest: Guest) -> tuple[Values, str]:
    """What is told of one guest, and why it has no address where one was waited for."""
    params, why = context.params, ""
    values: Values = {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "kind": guest.kind,
        "status": guest.status,
        "template": guest.template,
        "lock": guest.lock,
        "pool": guest.pool,
        "tags": list(guest.tags),
    }
    if params["config"]:
        values["config"] = await _config(context, guest)
    if params["wait_for_address"] and guest.running and not context.check:
        values["addresses"], why = await wait_for_addresses(
            context.api, guest, params["address_timeout"], context.stop.is_set
        )
    elif params["addresses"] or params["wait_for_address"]:
        values["addresses"], _why = await read_addresses(context.api, guest)
    return values, why


async def _config(context: Context, guest: Guest) -> Values | None:
    path = ("nodes", guest.node, guest.kind, guest.vmid, "config")
    try:
        return t.cast("Values", (await context.api.get(path)).data)
    except ApiError as error:
        if error.trouble is Trouble.GONE:  # removed a moment ago
            return None
        raise
