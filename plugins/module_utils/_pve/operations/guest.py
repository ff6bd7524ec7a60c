# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation on a guest that is there: the job for one entry of the catalogue."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..tasks.types import default_wait_timeout
from .job import Job, common_lanes
from .lane import Lane

if t.TYPE_CHECKING:
    from ..guests.cluster import Guest
    from .catalog import Operation


def guest_job(
    operation: Operation, guest: Guest, params: t.Mapping[str, t.Any], timeout: float | None
) -> Job:
    """The job that does this to the guest; ``params`` are the API's."""
    call = operation.calls[guest.type]
    if timeout is None:
        timeout = default_wait_timeout(call.task_type)
    moves_to = operation.moves_to and params.get(operation.moves_to)
    node = str(moves_to) if moves_to else guest.node
    target = replace(guest, node=node)
    request = call.request({"node": guest.node, "vmid": guest.vmid}, params)
    job = Job(
        title=f"{operation.name} of {target.label}",
        target=target,
        node=guest.node,
        method=request.method,
        path=request.path,
        params=request.params,
        task_type=call.task_type,
        task_id=request.task_id or str(guest.vmid),
        timeout=timeout,
        lanes=(Lane(f"vmid {guest.vmid}", exclusive=True), *common_lanes(guest.node, None)),
        returns=call.returns,
        idempotent=operation.idempotent,
    )
    return job if operation.done is None else replace(job, done=operation.done(job))
