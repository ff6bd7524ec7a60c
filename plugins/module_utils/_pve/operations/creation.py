# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that creates a guest that is not a clone: common parts of VMs and containers."""

from __future__ import annotations

import typing as t

from ..tasks.types import default_wait_timeout
from .job import Job, common_lanes, readdressing
from .lane import Lane

if t.TYPE_CHECKING:
    from ..guests.cluster import Guest

_TASK_TYPES = {"qemu": "qmcreate", "lxc": "vzcreate"}
_NAMES = {"qemu": "name", "lxc": "hostname"}


def creation_job(
    target: Guest,
    params: t.Mapping[str, t.Any],
    storage: str | None,
    timeout: float | None,
    *,
    needs: str,
    movable: bool,
) -> Job:
    """The job of one guest; ``params`` are the API's, ``movable`` allows another VMID.

    ``storage`` is the one of its disks, None if it has none. ``needs`` names the privileges besides
    ``VM.Allocate``.
    """

    def create(other: Guest) -> Job:
        return creation_job(other, params, storage, timeout, needs=needs, movable=True)

    task_type = _TASK_TYPES[target.type]
    return Job(
        title=f"creation of {target.label}",
        target=target,
        node=target.node,
        method="POST",
        path=("nodes", target.node, target.type),
        params={"vmid": target.vmid, _NAMES[target.type]: target.name, **params},
        task_type=task_type,
        task_id=str(target.vmid),
        timeout=default_wait_timeout(task_type) if timeout is None else timeout,
        lanes=(Lane(f"vmid {target.vmid}", exclusive=True), *common_lanes(target.node, storage)),
        repeatable=True,
        storage=storage,
        needs=f"VM.Allocate on /vms/{target.vmid} or on /pool/..., {needs}",
        readdress=readdressing(create, target) if movable else None,
    )
