# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""container: create one or many containers from an OS template."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..api.errors import UsageError
from ..guests.placement import EXPLICIT, place
from ..guests.reading import read_cluster
from ..operations.container import container_job, container_params
from ..operations.job import Target
from .creation.flow import create
from .creation.plan import GuestRequest, check_requests
from .creation.recipe import Recipe
from .creation.requests import read_requests
from .creation.templates import missing_templates

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster
    from ..operations.job import Job
    from .context import Context, Report

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
    """Place the containers, see that their templates are there, create those that are missing."""
    params = context.params
    wanted = _wanted(params)
    check_requests(wanted, "hostname")
    cluster = await read_cluster(context.api)
    wanted = _placed(wanted, cluster, params)

    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Target(vmid, one.name, str(one.node), "lxc")
        return container_job(target, one.options, params["wait_timeout"], movable=movable)

    async def vetoes(to_create: t.Sequence[GuestRequest]) -> t.Sequence[str]:
        return await missing_templates(context.api, to_create)

    recipe = Recipe(type="lxc", verb="created", job=job, vetoes=vetoes)
    return await create(context, wanted, cluster, recipe)


def _wanted(params: t.Mapping[str, t.Any]) -> list[GuestRequest]:
    """The containers asked for, with the API's parameters; the top level gives defaults."""
    return read_requests(params, "hostname", _OPTIONS, container_params)


def _placed(
    wanted: t.Sequence[GuestRequest], cluster: Cluster, params: t.Mapping[str, t.Any]
) -> list[GuestRequest]:
    places = place(
        [one.node for one in wanted],
        cluster,
        params["placement"],
        params["nodes"],
        [_memory(one) * _MIB for one in wanted],
    )
    only = next(iter(cluster.nodes)) if len(cluster.nodes) == 1 else None
    placed = [
        replace(one, node=where.node or only, why=where.why) for one, where in zip(wanted, places)
    ]
    homeless = [one.title for one in placed if one.node is None]
    if homeless and params["placement"] == EXPLICIT:
        raise UsageError(
            f"target_node: {homeless[0]} needs a node, or set placement;"
            f" the cluster has {', '.join(cluster.nodes)}"
        )
    return placed


def _memory(one: GuestRequest) -> int:
    """The memory of a container in MiB, also where it is given among the API's parameters."""
    memory = one.options.get("memory", _MEMORY)
    try:
        return int(memory)
    except (TypeError, ValueError):
        raise UsageError(f"memory: {memory!r} of {one.title} is not a number of MiB") from None
