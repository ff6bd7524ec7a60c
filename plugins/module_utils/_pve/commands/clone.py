# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""clone: clone one or many guests from one source."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..api.errors import UsageError
from ..guests.placement import place
from ..guests.reading import read_cluster
from ..operations.clone import clone_job
from ..operations.job import Target
from .creation.flow import create
from .creation.plan import GuestRequest, check_requests
from .creation.recipe import Recipe
from .creation.requests import read_requests
from .creation.sources import find_source

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster
    from ..operations.clone import CloneSource
    from ..operations.job import Job
    from .context import Context, Report

_OPTIONS = ("full", "storage", "format", "pool", "description", "snapname", "bwlimit")


async def run(context: Context) -> Report:
    """Find the source, place the guests, create those that are missing."""
    params = context.params
    check_requests(_wanted(params), "name")
    cluster, source, unreadable = await find_source(
        context.api, await read_cluster(context.api), params["source"]
    )
    _check_format(source, _wanted(params))
    wanted = _placed(_wanted(params), cluster, source, params)

    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, one.node or source.guest.node, source.guest.type)
        return clone_job(source, target, one.options, params["wait_timeout"], movable=movable)

    async def vetoes(to_create: t.Sequence[GuestRequest]) -> t.Sequence[str]:
        return [unreadable] * len(to_create)

    recipe = Recipe(
        type=source.guest.type,
        verb=f"cloned from {source.guest.title}",
        job=job,
        avoid=frozenset({source.guest.vmid}),
        moves=True,
        vetoes=vetoes,
    )
    return await create(context, wanted, cluster, recipe)


def _wanted(params: t.Mapping[str, t.Any]) -> list[GuestRequest]:
    """The guests asked for; what one does not say is taken from the top level."""
    return read_requests(params, "name", _OPTIONS, _given)


def _given(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in options.items() if value is not None}


def _check_format(source: CloneSource, wanted: t.Sequence[GuestRequest]) -> None:
    if source.guest.type == "lxc" and any("format" in one.options for one in wanted):
        raise UsageError(f"format: the clone of a container ({source.guest.title}) has no format")


def _placed(
    wanted: t.Sequence[GuestRequest],
    cluster: Cluster,
    source: CloneSource,
    params: t.Mapping[str, t.Any],
) -> list[GuestRequest]:
    places = place(
        [one.node for one in wanted],
        cluster,
        params["placement"],
        params["nodes"],
        [source.guest.memory] * len(wanted),
    )
    return [replace(one, node=where.node, why=where.why) for one, where in zip(wanted, places)]
