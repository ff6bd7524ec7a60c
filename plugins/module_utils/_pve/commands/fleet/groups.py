# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members that are created in the same way, and how: recipes by origin."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...api.errors import PveError, UsageError
from ...guests.placement import EXPLICIT, place
from ...operations.clone import clone_job
from ...operations.container import container_job
from ...operations.job import Target
from ...operations.vm import vm_job
from ..creation.plan import GuestRequest
from ..creation.recipe import Recipe
from ..creation.sources import find_source
from ..creation.templates import missing_templates
from .wishes import clone_options, container_creation, vm_creation, wanted_disks

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster
    from ...operations.clone import CloneSource
    from ...operations.job import Job
    from ..context import Context
    from .members import Member

# Each source, by what the user calls it, and why it cannot be read.
Sources = t.Mapping[str, tuple["CloneSource", str]]

_MIB = 1024 * 1024
# What Proxmox VE gives a guest that does not say how much, in MiB.
_MEMORY = 512


@dataclass(frozen=True)
class Group:
    """Members of one origin: ``wanted`` and ``indexes`` (of the members) are in the same order."""

    recipe: Recipe
    wanted: list[GuestRequest]
    indexes: list[int]


@dataclass(frozen=True)
class Grouped:
    """The groups, the cluster with the names that were read, and why members have no group."""

    groups: list[Group]
    cluster: Cluster
    refused: dict[int, str]


async def group(context: Context, members: t.Mapping[int, Member], cluster: Cluster) -> Grouped:
    """Find the sources, place the members, and group them by their origin.

    A source that is not there refuses its own members alone.
    """
    cluster, sources, absent = await _sources(context, members, cluster)
    refused = {
        index: absent[member.get("source")]
        for index, member in members.items()
        if member.get("source") in absent
    }
    placed = _placed(context, members, cluster, sources)
    groups: dict[tuple[int, str], Group] = {}
    for index, member in members.items():
        if index in refused:
            continue
        try:
            wanted = _wanted(member, placed[index], sources)
        except PveError as error:
            refused[index] = str(error)
            continue
        source = sources.get(member.get("source") or "")
        key = (source[0].guest.vmid if source else 0, member.type or "")
        into = groups.setdefault(key, Group(_recipe(context, member, sources), [], []))
        into.wanted.append(wanted)
        into.indexes.append(index)
    return Grouped(list(groups.values()), cluster, refused)


async def _sources(
    context: Context, members: t.Mapping[int, Member], cluster: Cluster
) -> tuple[Cluster, Sources, dict[str, str]]:
    """Each source, once, with the cluster as it was read for them, and why others are none."""
    sources: dict[str, tuple[CloneSource, str]] = {}
    absent: dict[str, str] = {}
    for reference in dict.fromkeys(one.get("source") for one in members.values()):
        if reference is None:
            continue
        try:
            cluster, source, why = await find_source(context.api, cluster, reference)
        except UsageError as error:
            absent[reference] = str(error)
        else:
            sources[reference] = (source, why)
    return cluster, sources, absent


def _placed(
    context: Context,
    members: t.Mapping[int, Member],
    cluster: Cluster,
    sources: Sources,
) -> dict[int, tuple[str | None, str]]:
    """The node of each member, and why it cannot live there."""
    params = context.params
    places = place(
        [one.get("node") for one in members.values()],
        cluster,
        params["placement"],
        params["nodes"],
        [_memory(one, sources) for one in members.values()],
    )
    only = next(iter(cluster.nodes)) if len(cluster.nodes) == 1 else None
    found = {index: (where.node or only, where.why) for index, where in zip(members, places)}
    for index, member in members.items():
        node, why = found[index]
        if node is None and member.get("source") is None and params["placement"] == EXPLICIT:
            why = (
                f"node: {member.title} needs a node, or set placement; the cluster has"
                f" {', '.join(cluster.nodes)}"
            )
            found[index] = (node, why)
    return found


def _memory(member: Member, sources: Sources) -> int:
    """The memory of a member in bytes, as far as it is known."""
    given = member.get("memory")
    source = sources.get(member.get("source") or "")
    if given is None and source is not None:
        return source[0].guest.memory
    return int(given or _MEMORY) * _MIB


def _wanted(
    member: Member,
    placed: tuple[str | None, str],
    sources: Sources,
) -> GuestRequest:
    node, why = placed
    if member.get("source"):
        source, unreadable = sources[member.get("source")]
        if source.guest.type == "lxc" and member.get("format"):
            raise UsageError(
                f"format: the clone of a container ({source.guest.title}) has no format"
            )
        if member.get("type") not in (None, source.guest.type):
            raise UsageError(
                f"type: {member.title} is wanted as {member.get('type')}, but its"
                f" source is {source.guest.title}"
            )
        return GuestRequest(
            member.vmid, member.name, node, clone_options(member), why or unreadable
        )
    options: t.Mapping[str, t.Any] = {}
    try:
        options = container_creation(member) if member.type == "lxc" else vm_creation(member)
    except UsageError as error:  # nothing is wrong with it where the guest is there already
        why = why or str(error)
    return GuestRequest(member.vmid, member.name, node, options, why)


def _recipe(context: Context, member: Member, sources: Sources) -> Recipe:
    timeout = context.params["wait_timeout"]
    if member.get("source"):
        return _by_cloning(sources[member.get("source")][0], timeout)
    if member.type == "lxc":
        return _from_template(context, timeout)
    storages = [disk.storage or member.get("storage") for disk in wanted_disks(member)]
    return _from_scratch(next(filter(None, storages), None), timeout)


def _by_cloning(source: CloneSource, timeout: float | None) -> Recipe:
    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, one.node or source.guest.node, source.guest.type)
        return clone_job(source, target, one.options, timeout, movable=movable)

    return Recipe(
        type=source.guest.type,
        verb=f"cloned from {source.guest.title}",
        job=job,
        avoid=frozenset({source.guest.vmid}),
        moves=True,
    )


def _from_template(context: Context, timeout: float | None) -> Recipe:
    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, str(one.node), "lxc")
        return container_job(target, one.options, timeout, movable=movable)

    async def vetoes(to_create: t.Sequence[GuestRequest]) -> t.Sequence[str]:
        return await missing_templates(context.api, to_create)

    return Recipe(type="lxc", verb="created", job=job, vetoes=vetoes)


def _from_scratch(storage: str | None, timeout: float | None) -> Recipe:
    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, str(one.node), "qemu")
        return vm_job(target, one.options, storage, timeout, movable=movable)

    return Recipe(type="qemu", verb="created", job=job)
