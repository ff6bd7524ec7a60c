# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that creates a VM from scratch."""

from __future__ import annotations

import typing as t

from .creation import creation_job

if t.TYPE_CHECKING:
    from ..guests.cluster import Guest
    from .job import Job


def vm_job(
    target: Guest,
    params: t.Mapping[str, t.Any],
    storage: str | None,
    timeout: float | None,
    *,
    movable: bool,
) -> Job:
    """The job of one VM; ``params`` are the API's, ``movable`` allows another VMID.

    ``storage`` is the one of its disks, None if it has none.
    """
    needs = (
        "VM.Config.* for its options, Datastore.AllocateSpace on the storages and SDN.Use on the"
        " bridges"
    )
    return creation_job(target, params, storage, timeout, needs=needs, movable=movable)
