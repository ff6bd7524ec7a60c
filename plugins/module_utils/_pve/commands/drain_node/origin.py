# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests came from a node, by the tasks of the node itself: nothing has to be remembered.

The task of a migration stays on the node that the guest left, with the user who started it, and its
log names the target. So a guest belongs back if its newest migration from there was started by the
caller, ended well, and went to the node where the guest still is.
"""

from __future__ import annotations

import asyncio
import typing as t

from ...tasks.clocks import NodeClocks
from ...tasks.listing import list_tasks
from ...tasks.task import outcome_of
from ...tasks.times import read_moment
from .plan import MIGRATIONS, target_in_log

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster, Guest
    from ...tasks.upid import Upid
    from ..context import Context

# For a guest that HA manages, the task of the caller is only the request.
_TYPES = (*MIGRATIONS, "hamigrate")


async def came_from(context: Context, node: str, cluster: Cluster) -> list[Guest]:
    """The guests that the caller moved away from the node since the option ``since``, by VMID."""
    tasks = await _newest(context, node)
    there = {vmid: cluster.guests[vmid] for vmid in sorted(tasks) if vmid in cluster.guests}
    away = [guest for guest in there.values() if guest.node != node]
    targets = await asyncio.gather(
        *(target_in_log(context.api, tasks[guest.vmid]) for guest in away)
    )
    for guest, target in zip(away, targets):
        if target is None:
            context.warn(f"{guest.title}: left there, the log of its migration cannot be read")
    return [guest for guest, target in zip(away, targets) if target == guest.node]


async def _newest(context: Context, node: str) -> dict[int, Upid]:
    """The newest migration of each guest from the node that the caller started and ended well."""
    api = context.api
    moment = read_moment(context.params["since"], "since")
    clocks = NodeClocks(api)
    await clocks.learn(node)
    filters = {"source": "all", "since": moment.by(clocks.now(node)) if moment else None}
    lists = await asyncio.gather(
        *(list_tasks(api, node, {**filters, "typefilter": one}, retries=None) for one in _TYPES)
    )
    found: dict[int, Upid] = {}
    for entry in (entry for entries in lists for entry in entries):
        upid = entry.upid
        ended_well = entry.status is not None and outcome_of(entry.status).succeeded
        if upid.vmid is None or upid.user != api.authid or not ended_well:
            continue
        known = found.get(upid.vmid)
        if known is None or (known.starttime, known.pstart) < (upid.starttime, upid.pstart):
            found[upid.vmid] = upid
    return found
