# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job for one entry of the catalogue: on a guest, or on a node, a storage, the cluster."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from ..tasks.types import default_wait_timeout
from .job import Job, Place, common_lanes
from .lane import Lane

if t.TYPE_CHECKING:
    from ..guests.cluster import Guest
    from .catalog import Call, Operation, Request


def guest_job(
    operation: Operation, guest: Guest, params: t.Mapping[str, t.Any], timeout: float | None
) -> Job:
    """The job that does this to the guest; ``params`` are the API's."""
    call = operation.call_for(guest.type)
    if operation.make is not None:
        return operation.make(guest, params, timeout)
    moves_to = operation.moves_to and params.get(operation.moves_to)
    node = str(moves_to) if moves_to else guest.node
    target = replace(guest, node=node)
    request = call.request({"node": guest.node, "vmid": guest.vmid}, params)
    job = _job(operation, call, request, target, guest.node, timeout)
    own = (Lane(f"vmid {guest.vmid}", exclusive=True),)
    job = replace(
        job,
        lanes=(*own, *job.lanes),
        # Proxmox VE itself refuses to create a guest twice.
        repeatable=operation.creates and not params.get("force"),
    )
    return job if operation.done is None else replace(job, done=operation.done(job))


def place_job(
    operation: Operation,
    node: str,
    storage: str | None,
    params: t.Mapping[str, t.Any],
    timeout: float | None,
) -> Job:
    """The job that does this to a node, a storage on it, or the cluster.

    ``node`` does the work: for the cluster the one that answers.
    """
    scope = operation.scope
    call = operation.call_for(scope)
    name = storage if scope == "storage" else None
    request = call.request({"node": node, "storage": storage}, params)
    target = Place(0, scope, node, name)
    job = _job(operation, call, request, target, node, timeout)
    return job if operation.done is None else replace(job, done=operation.done(job))


def _job(
    operation: Operation,
    call: Call,
    request: Request,
    target: Guest,
    node: str,
    timeout: float | None,
) -> Job:
    """What the jobs of all operations have; the storage that one fills has a lane."""
    filled = request.params.get("storage") if operation.expensive else None
    if target.type == "storage":
        filled = target.name
    storage = None if filled is None else str(filled)
    return Job(
        title=f"{operation.name} of {_named(target)}",
        target=target,
        node=node,
        method=request.method,
        path=request.path,
        params=request.params,
        task_type=call.task_type,
        task_id=request.task_id,
        timeout=default_wait_timeout(call.task_type) if timeout is None else timeout,
        lanes=common_lanes(node, storage),
        returns=call.returns,
        idempotent=operation.idempotent,
        storage=storage,
        needs=_filled(
            operation.privileges, {"vmid": target.vmid, "node": node, "storage": storage}
        ),
        details=operation.details,
        check=operation.check,
    )


def _named(target: Guest) -> str:
    return target.title if isinstance(target, Place) else target.label


def _filled(text: str, names: t.Mapping[str, object]) -> str:
    """The text with the names in braces that are known replaced by what they stand for."""
    known = {name: value for name, value in names.items() if value}
    return re.sub(r"{(\w+)}", lambda found: str(known.get(found[1], found[0])), text)


def removal_job(guest: Guest, title: str, params: t.Mapping[str, t.Any]) -> Job:
    """The job that removes a guest that must not stay, with all of its disks."""
    task_type = "qmdestroy" if guest.type == "qemu" else "vzdestroy"
    return Job(
        title=title,
        target=guest,
        node=guest.node,
        method="DELETE",
        path=("nodes", guest.node, guest.type, guest.vmid),
        params={**params, "purge": 1, "destroy-unreferenced-disks": 1},
        task_type=task_type,
        task_id=str(guest.vmid),
        timeout=default_wait_timeout(task_type),
        lanes=common_lanes(guest.node, None),
    )
