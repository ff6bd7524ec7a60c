# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The creation of a VM from scratch: what is special about it."""

from __future__ import annotations

import typing as t

from ..tasks.types import default_wait_timeout
from .job import Job, Target, common_lanes, readdressing
from .lane import Lane

_TASK_TYPE = "qmcreate"


def vm_job(
    target: Target,
    params: t.Mapping[str, t.Any],
    storage: str | None,
    timeout: float | None,
    *,
    movable: bool,
) -> Job:
    """The job of one VM; ``params`` are the API's, ``movable`` allows another VMID.

    ``storage`` is the one that its disks fill, None where it has none.
    """
    return Job(
        title=f"creation of {target.title}",
        target=target,
        node=target.node,
        method="POST",
        path=("nodes", target.node, "qemu"),
        params={"vmid": target.vmid, "name": target.name, **params},
        task_type=_TASK_TYPE,
        task_id=str(target.vmid),
        timeout=default_wait_timeout(_TASK_TYPE) if timeout is None else timeout,
        lanes=(Lane(f"vmid {target.vmid}", exclusive=True), *common_lanes(target.node, storage)),
        repeatable=True,
        storage=storage,
        needs=(
            f"VM.Allocate on /vms/{target.vmid} or on /pool/..., VM.Config.* for its options, "
            "Datastore.AllocateSpace on the storages and SDN.Use on the bridges"
        ),
        readdress=readdressing(
            lambda other: vm_job(other, params, storage, timeout, movable=True), target
        )
        if movable
        else None,
    )
