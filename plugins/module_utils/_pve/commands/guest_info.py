# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_info: guests by list or filter, with configuration and addresses."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass

from ..api.errors import ApiError, Cause, NoAnswerError, UsageError
from ..guests.addresses import read_addresses, wait_for_addresses
from ..guests.cluster import GUEST_TYPES, Guest
from ..guests.config import read_configuration
from ..guests.reading import add_names_of, read_cluster
from ..guests.selector import Selector
from .context import Context, Report, Values
from .references import read_references
from .selection import check_selector, silence

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster
    from .references import GuestReference


@dataclass
class _Seen:
    """One guest and its returned values; ``why`` says why it has no address."""

    guest: Guest
    values: Values
    why: str = ""


async def run(context: Context) -> Report:
    """Find the guests, then read the requested data; unreadable ones are still returned."""
    params = context.params
    if params["address_timeout"] < 0:
        raise UsageError(f"address_timeout: {params['address_timeout']} is less than 0 seconds")
    chosen, refused = await _chosen(context)
    seen = await asyncio.gather(*(_read_guest(context, guest, silent) for guest, silent in chosen))
    if params["pending"] == "only":
        seen = [one for one in seen if one.values["pending"] or one.values["message"]]
    unread = [
        f"{one.guest.title}: {one.values['message']}" for one in seen if one.values["message"]
    ]
    for text in [] if params["guests"] else unread:
        context.warn(text)
    problems = [*refused, *(unread if params["guests"] else ())]
    without = [f"{one.guest.title}: {one.why}" for one in seen if one.why]
    if params["wait_for_address"] and without:
        problems.append(
            f"{len(without)} of {len(chosen)} guests have no address after"
            f" {params['address_timeout']} s:\n" + "\n".join(without)
        )
    return Report(
        {"guests": [one.values for one in seen], "summary": {"total": len(seen)}},
        problem="\n".join(problems) or None,
    )


async def _chosen(context: Context) -> tuple[list[tuple[Guest, str | None]], list[str]]:
    """The requested guests, and errors for those that were not found.

    Each guest comes with why its node could not be read, or None.
    """
    params, api = context.params, context.api
    references = None if params["guests"] is None else read_references(params["guests"], None)
    named = references is None or any(one.name is not None for one in references)
    cluster = await read_cluster(api, GUEST_TYPES if named else ())
    selector = Selector.from_params(params)
    await check_selector(api, selector, cluster)
    found, refused = _find(references, cluster)
    if not named:  # names and states of the cluster's list are up to eleven seconds old
        cluster = await add_names_of(api, cluster, found)
        found = [cluster.guests.get(guest.vmid, guest) for guest in found]
    chosen = [(guest, silence(guest, cluster)) for guest in found]
    for guest, silent in chosen:
        if silent and selector.probably_fits(guest) and not selector.fits(guest):
            unsure = "state" if selector.status else "name"
            context.warn(f"{guest.title}: left out, its {unsure} is not certain: {silent}")
    return [one for one in chosen if selector.fits(one[0])], refused


def _find(
    references: t.Sequence[GuestReference] | None, cluster: Cluster
) -> tuple[list[Guest], list[str]]:
    """The guests, each once, and why others were not found; all guests if none are named."""
    if references is None:
        return list(cluster.guests.values()), []
    found: dict[int, Guest] = {}
    refused = []
    for one in references:
        try:
            guest = one.find(cluster)
        except UsageError as error:
            refused.append(str(error))
            continue
        if guest is None:
            refused.append(
                f"guests: there is no guest {one.text!r} in the cluster, or the user or token"
                " lacks VM.Audit on it"
            )
        else:
            found[guest.vmid] = guest
    return list(found.values()), refused


async def _read_guest(context: Context, guest: Guest, silent: str | None) -> _Seen:
    """Read one guest; data that its node does not return is reported in ``message``."""
    values: Values = {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "type": guest.type,
        "status": guest.status,
        "template": guest.template,
        "lock": guest.lock,
        "pool": guest.pool,
        "tags": list(guest.tags),
        "message": silent,
    }
    seen = _Seen(guest, values)
    params = context.params
    if params["config"] != "none":
        values["config"] = None
    if params["pending"] != "no":
        values["pending"] = {}
    if params["addresses"] or params["wait_for_address"]:
        values["addresses"] = []
    if silent is not None:
        return seen
    try:
        await _read(context, seen)
    except (NoAnswerError, ApiError) as error:
        values["message"] = str(error)
    return seen


async def _read(context: Context, seen: _Seen) -> None:
    params, guest = context.params, seen.guest
    if params["config"] != "none":
        seen.values["config"] = await _config(context, guest)
    if params["pending"] != "no":
        current = await read_configuration(context.api, guest, retries=1)
        seen.values["pending"] = dict(current.pending)
    if params["wait_for_address"] and guest.running and not context.check:
        seen.values["addresses"], seen.why = await wait_for_addresses(
            context.api, guest, params["address_timeout"], context.stop.is_set
        )
    elif params["addresses"] or params["wait_for_address"]:
        seen.values["addresses"], _why = await read_addresses(context.api, guest)


async def _config(context: Context, guest: Guest) -> Values | None:
    path = ("nodes", guest.node, guest.type, guest.vmid, "config")
    only = {"current": True} if context.params["config"] == "current" else None
    try:
        return t.cast("Values", (await context.api.get(path, only, retries=1)).data)
    except ApiError as error:
        if error.cause is Cause.GONE:  # just removed
            return None
        raise
