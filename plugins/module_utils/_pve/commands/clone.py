# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""clone: clone one or many guests from one source."""

from __future__ import annotations

import typing as t

from ..errors import UsageError
from ..guests import KINDS, read_cluster
from ..leftovers import find_dead_lock
from ..operations.clone import CloneSource, clone_job
from ..operations.job import Target
from ..placement import place
from ..plan import Action, Wanted, check_wanted, decide
from .creation import Recipe, make

if t.TYPE_CHECKING:
    from ..command import Context, Report
    from ..guests import Cluster, Guest
    from ..operations.job import Job

_OPTIONS = ("full", "storage", "format", "pool", "description", "snapname", "bwlimit")


async def run(context: Context) -> Report:
    """Find the source, place the guests, make those that are missing."""
    params = context.params
    check_wanted(_wanted(params), "name")
    cluster = await read_cluster(context.api, KINDS)
    source = await _source(context, cluster)
    wanted = _placed(_wanted(params), cluster, source, params)
    await _check_lock(context, source.guest, wanted, cluster)

    def job(one: Wanted, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, one.node or source.guest.node, source.guest.kind)
        return clone_job(source, target, one.options, params["wait_timeout"], movable=movable)

    recipe = Recipe(
        kind=source.guest.kind,
        verb=f"cloned from {source.guest.title}",
        job=job,
        avoid=frozenset({source.guest.vmid}),
        moves=True,
    )
    return await make(context, wanted, cluster, recipe)


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


async def _source(context: Context, cluster: Cluster) -> CloneSource:
    guest = cluster.get(context.params["source"], "source")
    path = ("nodes", guest.node, guest.kind, guest.vmid, "config")
    source = CloneSource.read(guest, (await context.api.get(path)).data or {})
    if guest.kind == "lxc" and any("format" in one.options for one in _wanted(context.params)):
        raise UsageError(f"format: the clone of a container ({guest.title}) has no format")
    return source


async def _check_lock(
    context: Context, source: Guest, wanted: t.Sequence[Wanted], cluster: Cluster
) -> None:
    """Refuse to wait for the lock of a dead clone on a container where one is to be cloned."""
    if source.kind != "lxc" or source.lock != "disk":
        return
    steps = decide(wanted, cluster, source.kind, {source.vmid})
    if not any(step.action is Action.MAKE for step in steps):
        return
    dead = await find_dead_lock(context.api, source)
    if dead is not None:
        raise UsageError(
            f"source: {source.title} is locked (disk), but the clone that locked it is dead:"
            f" {dead}. Unlock it on {source.node}: pct unlock {source.vmid}"
        )


def _placed(
    wanted: t.Sequence[Wanted],
    cluster: Cluster,
    source: CloneSource,
    params: t.Mapping[str, t.Any],
) -> list[Wanted]:
    nodes = place(
        [one.node for one in wanted],
        cluster,
        params["placement"],
        params["nodes"],
        [source.guest.memory] * len(wanted),
    )
    return [Wanted(one.vmid, one.name, node, one.options) for one, node in zip(wanted, nodes)]
