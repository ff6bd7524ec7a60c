# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes guests of a fleet: absent members, and guests that are no longer listed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...api.answers import read_mapping
from ...api.errors import PveError, UsageError
from ...engine.chains import Chain, ChainResult, ChainStep
from ...guests.cluster import split_tags
from ...guests.config import Configuration
from ...guests.identity import read_while_named
from ...guests.selector import Selector
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Job, Unneeded

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Cluster, Guest
    from ...guests.shared_readings import SharedReadings
    from ..context import Context
    from .members import Member

Recheck = t.Callable[["Api"], t.Awaitable[None]]


def read_selector(params: t.Mapping[str, t.Any]) -> Selector | None:
    """The selector of ``exact``; UsageError if it is required and missing, or not allowed."""
    if not params["exact"]:
        return None
    chosen = params["selector"] or {}
    if not chosen.get("pool") and not chosen.get("tag"):
        raise UsageError(
            "exact: set a selector (pool, tag, or both) that defines which guests belong to the"
            " fleet"
        )
    if not params["allow_destructive"]:
        raise UsageError(
            "exact: guests that are not listed would be deleted; set allow_destructive to true"
            " to allow this. Nothing was done"
        )
    tags = split_tags(chosen.get("tag"))
    return Selector(chosen.get("pool"), tags, templates=False)


def surplus(selector: Selector, cluster: Cluster, wanted: t.Collection[int]) -> list[Guest]:
    """The guests of the fleet that are not listed, by VMID."""
    return [
        guest
        for vmid, guest in sorted(cluster.guests.items())
        if vmid not in wanted and selector.fits(guest)
    ]


def find_absent(member: Member, cluster: Cluster) -> Guest | None:
    """The guest that should be absent; UsageError if it cannot be identified."""
    guest = (
        cluster.find_named(member.name, "guests")
        if member.vmid is None
        else cluster.guests.get(member.vmid)
    )
    if guest is None:
        return None
    if member.name is not None and guest.name != member.name:
        raise UsageError(
            f"vmid: expected {guest.vmid} to be named {member.name!r}, but it is {guest.title};"
            " it is not changed"
        )
    if member.get("type") not in (None, guest.type):
        raise UsageError(f"type: {guest.title} is not of the type {member.get('type')}")
    return guest


def why_not_removed(guest: Guest, cluster: Cluster) -> str:
    """Why a guest cannot be removed now, empty if it can."""
    node = cluster.nodes.get(guest.node)
    if node is not None and not node.online:
        return f"{guest.title} cannot be reached: its node is offline"
    if guest.lock:
        return f"{guest.title} is locked ({guest.lock}); it is not changed"
    return ""


def removal_chain(
    context: Context, guest: Guest, recheck: Recheck, readings: SharedReadings
) -> Chain:
    """Stop the guest if it runs, delete it, and verify that it is gone."""
    timeout = context.params["wait_timeout"]
    config: dict[str, t.Any] = {}

    def job(operation: str, now: Guest, params: t.Mapping[str, t.Any]) -> Job:
        return replace(guest_job(OPERATIONS[operation], now, params, timeout), recheck=recheck)

    async def stop(before: ChainResult) -> Job:
        path = ("nodes", guest.node, guest.type, guest.vmid)
        config.update(await read_mapping(context.api, (*path, "config")))
        if str(config.get("protection", 0)) == "1":
            raise PveError(f"{guest.title} is protected (protection: 1); it is not changed")
        state = await read_mapping(context.api, (*path, "status", "current"))
        if state.get("status") == "stopped":
            raise Unneeded("already stopped")
        return job("stop", before.target, {})

    async def delete(before: ChainResult) -> Job:
        return replace(job("delete", before.target, {"purge": 1}), before=Configuration(config))

    async def gone(before: ChainResult) -> Job:
        # That its configuration and disks are gone, the deletion itself has checked.
        if before.target.vmid in (await readings.read()).guests:
            raise PveError(f"{guest.title} still exists after it was deleted")
        raise Unneeded("gone")

    return Chain(
        guest,
        (
            ChainStep("stop", prepare=stop),
            ChainStep("delete", prepare=delete),
            ChainStep("verify", prepare=gone),
        ),
    )


def still_selected(guest: Guest, selector: Selector, readings: SharedReadings) -> Recheck:
    """A recheck: the guest still has its name, and still belongs to the fleet.

    Its tags are in its own configuration. Its pool is only in the cluster's list, which is read
    once for all guests that are removed at the same time.
    """

    async def recheck(api: Api) -> None:
        now: Guest | None = await read_while_named(api, guest)
        if selector.pool is not None and now is not None and selector.fits(now):
            now = (await readings.read()).guests.get(guest.vmid)
        if now is None or not selector.fits(now):
            raise PveError(
                f"{guest.title} no longer belongs to {selector.title}; it is not changed"
            )

    return recheck
