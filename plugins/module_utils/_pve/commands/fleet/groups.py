# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members that are created in the same way, and how: recipes by origin."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ...api.errors import PveError, UsageError
from ..creation.plan import GuestRequest
from ..creation.recipe import by_cloning, from_scratch, from_template
from ..creation.requests import placed
from ..creation.sources import check_format, find_source
from .settings import clone_options, container_creation, vm_creation, wanted_disks

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster
    from ...operations.clone import CloneSource
    from ..context import Context
    from ..creation.recipe import Recipe
    from .members import Member

# Each source, by what the user calls it.
Sources = t.Mapping[str, "CloneSource"]

_MIB = 1024 * 1024
# The default memory of a guest in Proxmox VE, in MiB.
_MEMORY = 512


@dataclass(frozen=True)
class Group:
    """Members of one origin: ``wanted`` and ``indexes`` (of the members) are in the same order."""

    recipe: Recipe
    wanted: list[GuestRequest]
    indexes: list[int]


@dataclass(frozen=True)
class Grouped:
    """The groups, the cluster with the names that were read, and why some members have no group."""

    groups: list[Group]
    cluster: Cluster
    refused: dict[int, str]


async def group(context: Context, members: t.Mapping[int, Member], cluster: Cluster) -> Grouped:
    """Find the sources, place the members, and group them by their origin.

    A missing source refuses only its own members.
    """
    cluster, sources, absent = await _sources(context, members, cluster)
    refused = {
        index: absent[member.get("source")]
        for index, member in members.items()
        if member.get("source") in absent
    }
    requests = _placed(context, members, cluster, sources)
    groups: dict[tuple[int, str], Group] = {}
    for index, member in members.items():
        if index in refused:
            continue
        try:
            wanted = _with_options(requests[index], member, sources)
        except PveError as error:
            refused[index] = str(error)
            continue
        source = sources.get(member.get("source") or "")
        key = (source.guest.vmid if source else 0, member.type or "")
        into = groups.setdefault(key, Group(_recipe(context, member, sources), [], []))
        into.wanted.append(wanted)
        into.indexes.append(index)
    return Grouped(list(groups.values()), cluster, refused)


async def _sources(
    context: Context, members: t.Mapping[int, Member], cluster: Cluster
) -> tuple[Cluster, Sources, dict[str, str]]:
    """Each source once, with the cluster as it was read for them, and why others are invalid."""
    sources: dict[str, CloneSource] = {}
    absent: dict[str, str] = {}
    for reference in dict.fromkeys(one.get("source") for one in members.values()):
        if reference is None:
            continue
        try:
            cluster, sources[reference] = await find_source(
                context.api, cluster, reference, sources.values()
            )
        except UsageError as error:
            absent[reference] = str(error)
    return cluster, sources, absent


def _placed(
    context: Context,
    members: t.Mapping[int, Member],
    cluster: Cluster,
    sources: Sources,
) -> dict[int, GuestRequest]:
    """Each member with its node, and why it cannot be placed there."""
    requests = [GuestRequest(one.vmid, one.name, one.get("node")) for one in members.values()]
    memory = [_memory(one, sources) for one in members.values()]
    found = dict(zip(members, placed(requests, cluster, context.params, memory)))
    for index, member in members.items():
        if found[index].node is None and member.get("source") is None:
            why = (
                f"node: {member.title} needs a node, or set placement; the cluster has"
                f" {', '.join(cluster.nodes)}"
            )
            found[index] = replace(found[index], why=why)
    return found


def _memory(member: Member, sources: Sources) -> int:
    """The memory of a member in bytes, as far as known."""
    given = member.get("memory")
    source = sources.get(member.get("source") or "")
    if given is None and source is not None:
        return source.guest.memory
    return int(given or _MEMORY) * _MIB


def _with_options(one: GuestRequest, member: Member, sources: Sources) -> GuestRequest:
    """The guest with the options of its creation; UsageError for invalid ones."""
    if member.get("source"):
        source, options = sources[member.get("source")], clone_options(member)
        check_format(source, options)
        if member.get("type") not in (None, source.guest.type):
            raise UsageError(
                f"type: {member.title} is requested as {member.get('type')}, but its"
                f" source is {source.guest.title}"
            )
        return replace(one, options=options, why=one.why or source.why)
    try:
        options = container_creation(member) if member.type == "lxc" else vm_creation(member)
    except UsageError as error:  # not an error if the guest already exists
        return replace(one, why=one.why or str(error))
    return replace(one, options=options)


def _recipe(context: Context, member: Member, sources: Sources) -> Recipe:
    timeout = context.params["wait_timeout"]
    if member.get("source"):
        return by_cloning(sources[member.get("source")], timeout)
    if member.type == "lxc":
        return from_template(context.api, timeout)
    storages = [disk.storage or member.get("storage") for disk in wanted_disks(member)]
    return from_scratch(next(filter(None, storages), None), timeout)
