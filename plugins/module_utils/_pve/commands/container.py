# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""container: create one or many containers from an OS template."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..errors import ApiError, UsageError
from ..guests import KINDS, read_cluster
from ..operations.container import container_job, container_params
from ..operations.job import Target
from ..placement import GIVEN, place
from ..plan import Action, Wanted, check_wanted, decide
from .creation import Recipe, make

if t.TYPE_CHECKING:
    from ..command import Context, Report
    from ..guests import Cluster
    from ..operations.job import Job

_OPTIONS = (
    "ostemplate",
    "rootfs",
    "storage",
    "cores",
    "memory",
    "swap",
    "net",
    "password",
    "ssh_public_keys",
    "unprivileged",
    "features",
    "nameserver",
    "searchdomain",
    "tags",
    "onboot",
    "start",
    "pool",
    "description",
    "params",
)
# What Proxmox VE gives a container that does not say how much, in MiB.
_MEMORY = 512
_MIB = 1024 * 1024


async def run(context: Context) -> Report:
    """Place the containers, see that their templates are there, make those that are missing."""
    params = context.params
    wanted = _wanted(params)
    check_wanted(wanted, "hostname")
    cluster = await read_cluster(context.api, KINDS)
    wanted = _placed(wanted, cluster, params)
    await _check_templates(context, wanted, cluster)

    def job(one: Wanted, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, str(one.node), "lxc")
        return container_job(target, one.options, params["wait_timeout"], movable=movable)

    recipe = Recipe(kind="lxc", verb="created", job=job)
    return await make(context, wanted, cluster, recipe)


def _wanted(params: t.Mapping[str, t.Any]) -> list[Wanted]:
    """The containers asked for, with the API's parameters; the top level gives defaults."""
    given = [{}] if params["guests"] is None else params["guests"]
    wanted = []
    for one in given:
        said = {name: value for name, value in one.items() if value is not None}
        merged = {**{name: params[name] for name in (*_OPTIONS, "target_node")}, **said}
        if params["guests"] is None:
            merged.update(hostname=params["hostname"], vmid=params["vmid"])
        elif "params" in said and params["params"]:
            merged["params"] = {**params["params"], **said["params"]}
        options = container_params({name: merged[name] for name in _OPTIONS})
        wanted.append(
            Wanted(merged.get("vmid"), merged.get("hostname"), merged["target_node"], options)
        )
    return wanted


def _placed(
    wanted: t.Sequence[Wanted], cluster: Cluster, params: t.Mapping[str, t.Any]
) -> list[Wanted]:
    nodes = place(
        [one.node for one in wanted],
        cluster,
        params["placement"],
        params["nodes"],
        [int(one.options.get("memory", _MEMORY)) * _MIB for one in wanted],
    )
    only = next(iter(cluster.nodes)) if len(cluster.nodes) == 1 else None
    placed = [replace(one, node=node or only) for one, node in zip(wanted, nodes)]
    homeless = [one.title for one in placed if one.node is None]
    if homeless and params["placement"] == GIVEN:
        raise UsageError(
            f"target_node: {homeless[0]} needs a node, or set placement;"
            f" the cluster has {', '.join(cluster.nodes)}"
        )
    return placed


async def _check_templates(context: Context, wanted: t.Sequence[Wanted], cluster: Cluster) -> None:
    """Refuse a template that is missing where a container shall be made from it.

    Proxmox VE itself notices that in the task, after the disk has been allocated.
    """
    steps = decide(wanted, cluster, "lxc")
    needed = {
        (t.cast("str", step.wanted.node), str(step.wanted.options["ostemplate"]))
        for step in steps
        if step.action is Action.MAKE
    }
    volumes = {(node, volume.split(":", 1)[0]) for node, volume in needed if ":vztmpl/" in volume}
    contents = dict(
        zip(
            sorted(volumes),
            await asyncio.gather(
                *(_content(context, node, storage) for node, storage in sorted(volumes))
            ),
        )
    )
    for node, volume in sorted(needed):
        there = contents.get((node, volume.split(":", 1)[0]))
        if there is not None and volume not in there:
            raise UsageError(
                f"ostemplate: {volume!r} is not on node {node}; there are:"
                f" {', '.join(sorted(there)) or 'none'}"
            )


async def _content(context: Context, node: str, storage: str) -> set[str] | None:
    """The OS templates of a storage on a node, None where the caller may not look."""
    path = ("nodes", node, "storage", storage, "content")
    try:
        answer = await context.api.get(path, {"content": "vztmpl"})
    except ApiError as error:
        if error.status == 403:
            return None
        raise UsageError(f"ostemplate: {error}") from error
    return {str(row["volid"]) for row in answer.data or ()}
