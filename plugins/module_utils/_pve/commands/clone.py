# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""clone: clone one or many guests from one source."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..api.answers import read_mapping
from ..api.errors import ApiError, NoAnswerError, Trouble, UsageError
from ..guests.cluster import GUEST_TYPES, Node, add_names, as_vmid, read_cluster
from ..guests.placement import place
from ..operations.clone import CloneSource, clone_job
from ..operations.job import Target
from .creation.flow import create
from .creation.plan import Wanted, check_wanted
from .creation.recipe import Recipe

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster, Guest
    from ..operations.job import Job
    from .context import Context, Report

_OPTIONS = ("full", "storage", "format", "pool", "description", "snapname", "bwlimit")


async def run(context: Context) -> Report:
    """Find the source, place the guests, create those that are missing."""
    params = context.params
    check_wanted(_wanted(params), "name")
    cluster, source, unreadable = await _source(context, await read_cluster(context.api))
    wanted = _placed(_wanted(params), cluster, source, params)

    def job(one: Wanted, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, one.node or source.guest.node, source.guest.type)
        return clone_job(source, target, one.options, params["wait_timeout"], movable=movable)

    async def vetoes(to_create: t.Sequence[Wanted]) -> t.Sequence[str]:
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


def _wanted(params: t.Mapping[str, t.Any]) -> list[Wanted]:
    """The guests asked for; what one does not say is taken from the top level."""
    given = [{}] if params["guests"] is None else params["guests"]
    wanted = []
    for one in given:
        said = {name: value for name, value in one.items() if value is not None}
        merged = {**{name: params[name] for name in (*_OPTIONS, "target_node")}, **said}
        if params["guests"] is None:
            merged.update(name=params["name"], vmid=params["vmid"])
        options = {name: merged[name] for name in _OPTIONS if merged[name] is not None}
        wanted.append(
            Wanted(merged.get("vmid"), merged.get("name"), merged["target_node"], options)
        )
    return wanted


async def _source(context: Context, cluster: Cluster) -> tuple[Cluster, CloneSource, str]:
    """The source, the cluster with the names that were read for it, and why it is unreadable."""
    reference = context.params["source"]
    if as_vmid(reference) is None:
        found = await _by_hint(context, cluster, reference)
        if found is not None:
            return cluster, _checked(context, found), ""
        cluster = await add_names(context.api, cluster, GUEST_TYPES)
    guest = cluster.get(reference, "source")
    if not cluster.nodes.get(guest.node, Node(guest.node, online=True)).online:
        why = f"source: {guest.title} cannot be reached, its node is offline"
        return cluster, CloneSource(guest), why
    try:
        config = await _config(context, guest)
    except NoAnswerError as error:
        why = f"source: {guest.title} cannot be reached: {error}"
        return cluster, CloneSource(guest), why
    return cluster, _checked(context, CloneSource.read(guest, config)), ""


async def _by_hint(context: Context, cluster: Cluster, name: str) -> CloneSource | None:
    """The source whose configuration carries the name, without a look at every node's list."""
    hinted = [guest for guest in cluster.guests.values() if guest.hint == name.strip()]
    if len(hinted) != 1:
        return None
    try:
        config = await _config(context, hinted[0])
    except NoAnswerError:
        return None
    except ApiError as error:
        if error.trouble is not Trouble.GONE:
            raise
        return None
    source = CloneSource.read(hinted[0], config)
    return source if source.guest.name == name.strip() else None


async def _config(context: Context, guest: Guest) -> t.Mapping[str, t.Any]:
    path = ("nodes", guest.node, guest.type, guest.vmid, "config")
    return await read_mapping(context.api, path)


def _checked(context: Context, source: CloneSource) -> CloneSource:
    of_container = source.guest.type == "lxc"
    if of_container and any("format" in one.options for one in _wanted(context.params)):
        raise UsageError(f"format: the clone of a container ({source.guest.title}) has no format")
    return source


def _placed(
    wanted: t.Sequence[Wanted],
    cluster: Cluster,
    source: CloneSource,
    params: t.Mapping[str, t.Any],
) -> list[Wanted]:
    places = place(
        [one.node for one in wanted],
        cluster,
        params["placement"],
        params["nodes"],
        [source.guest.memory] * len(wanted),
    )
    return [replace(one, node=where.node, why=where.why) for one, where in zip(wanted, places)]
