# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the API, one file per subject; importing this package registers them all."""

from __future__ import annotations

from . import (
    agent,
    cluster,
    config,
    destroy,
    effectless,
    guest_lists,
    lxc_clone,
    lxc_create,
    lxc_migrate,
    lxc_power,
    move_disk,
    move_volume,
    nodes,
    pools,
    qemu_clone,
    qemu_create,
    qemu_migrate,
    qemu_power,
    resize,
    snapshots,
    storage,
    task_list,
    task_one,
    template,
    users,
)

__all__ = [
    "agent",
    "cluster",
    "config",
    "destroy",
    "effectless",
    "guest_lists",
    "lxc_clone",
    "lxc_create",
    "lxc_migrate",
    "lxc_power",
    "move_disk",
    "move_volume",
    "nodes",
    "pools",
    "qemu_clone",
    "qemu_create",
    "qemu_migrate",
    "qemu_power",
    "resize",
    "snapshots",
    "storage",
    "task_list",
    "task_one",
    "template",
    "users",
]
