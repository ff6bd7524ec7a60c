# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of Proxmox VE, as data only.

Everything special about an operation is in its entry. A file for each category; the calls are those
of the API's own schema and of ``PVE/API2`` in its sources.
"""

from __future__ import annotations

import typing as t

from . import (
    access,
    backup,
    bulk,
    ceph,
    creation,
    disks,
    guests,
    migration,
    node,
    node_disks,
    power,
    snapshots,
    storage,
)
from .entry import Call, Operation, Request, Returns, Scope

__all__ = ("OPERATIONS", "Call", "Operation", "Request", "Returns", "Scope")

_OPERATIONS: tuple[Operation, ...] = (
    *power.OPERATIONS,
    *guests.OPERATIONS,
    *disks.OPERATIONS,
    *snapshots.OPERATIONS,
    *backup.OPERATIONS,
    *migration.OPERATIONS,
    *creation.OPERATIONS,
    *bulk.OPERATIONS,
    *storage.OPERATIONS,
    *node.OPERATIONS,
    *node_disks.OPERATIONS,
    *ceph.OPERATIONS,
    *access.OPERATIONS,
)

OPERATIONS: t.Mapping[str, Operation] = {operation.name: operation for operation in _OPERATIONS}
"""Every operation by its name."""
