# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""container: create one or many containers from an OS template."""

from __future__ import annotations

import typing as t

from ..api.errors import UsageError
from ..guests.reading import read_cluster
from ..operations.container import container_params
from .creation.flow import create
from .creation.plan import check_requests
from .creation.recipe import from_template
from .creation.requests import placed, read_requests

if t.TYPE_CHECKING:
    from .context import Context, Report
    from .creation.plan import GuestRequest

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
# The default memory of a container in Proxmox VE, in MiB.
_MEMORY = 512
_MIB = 1024 * 1024


async def run(context: Context) -> Report:
    """Place the containers, check that their templates exist, create the missing ones."""
    params = context.params
    wanted = read_requests(params, "hostname", _OPTIONS, container_params)
    check_requests(wanted, "hostname")
    cluster = await read_cluster(context.api)
    wanted = placed(wanted, cluster, params, [_memory(one) * _MIB for one in wanted])
    homeless = [one.title for one in wanted if one.node is None]
    if homeless:
        raise UsageError(
            f"target_node: {homeless[0]} needs a node, or set placement;"
            f" the cluster has {', '.join(cluster.nodes)}"
        )
    return await create(
        context, wanted, cluster, from_template(context.api, params["wait_timeout"])
    )


def _memory(one: GuestRequest) -> int:
    """The memory of a container in MiB, also if it is set in ``params``."""
    memory = one.options.get("memory", _MEMORY)
    try:
        return int(memory)
    except (TypeError, ValueError):
        raise UsageError(f"memory: {memory!r} of {one.title} is not a number of MiB") from None
