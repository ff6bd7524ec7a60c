# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks of guests."""

from __future__ import annotations

from ..rules.disks import (
    if_target_is_there,
    unless_as_large,
    unless_detached,
    unless_on_storage,
)
from ..states import guests as states
from .entry import Operation, both, guest_call

CATEGORY = "disks"
DISK = "VM.Config.Disk on /vms/{vmid}"
SPACE = "Datastore.AllocateSpace on /storage/{storage}"
_DISK = {"volume": "disk", "target-volume": "target-disk"}
_VOLUME = {"disk": "volume", "target-disk": "target-volume"}

OPERATIONS = (
    Operation(
        "resize",
        "resize",
        CATEGORY,
        both("PUT", "resize", "resize", "resize"),
        f"{DISK}; {SPACE}",
        rule=unless_as_large,
        done=states.has_size,
        compares=True,
        idempotent=True,
        effect={"{disk}": "size={size}"},
    ),
    Operation(
        "move_disk",
        "move a disk",
        CATEGORY,
        {
            "qemu": guest_call(
                "qemu",
                "POST",
                "move_disk",
                "qmmove",
                requires=("disk", "storage"),
                excludes=("target-vmid",),
                renames=_DISK,
            ),
            "lxc": guest_call(
                "lxc",
                "POST",
                "move_volume",
                "move_volume",
                requires=("volume", "storage"),
                excludes=("target-vmid",),
                renames=_VOLUME,
            ),
        },
        f"{DISK}; {SPACE}",
        # With delete the source goes once all of it has been copied: no data is lost by that.
        expensive=True,
        rule=unless_on_storage,
        done=states.is_on_storage,
        compares=True,
        idempotent=True,
        effect={"{disk}": "on {storage}"},
    ),
    Operation(
        "reassign_disk",
        "give a disk to another guest",
        CATEGORY,
        {
            "qemu": guest_call(
                "qemu",
                "POST",
                "move_disk",
                "qmmove",
                task_id="{vmid}-{disk}>{target-vmid}-{target-disk}|{vmid}-{disk}>{target-vmid}-{disk}",
                requires=("disk", "target-vmid"),
                excludes=("storage",),
                renames=_DISK,
            ),
            "lxc": guest_call(
                "lxc",
                "POST",
                "move_volume",
                "move_volume",
                task_id="{vmid}-{volume}>{target-vmid}-{target-volume}"
                "|{vmid}-{volume}>{target-vmid}-{volume}",
                requires=("volume", "target-vmid"),
                excludes=("storage",),
                renames=_VOLUME,
            ),
        },
        f"{DISK}; VM.Config.Disk on /vms/{{target-vmid}}",
        destructive=True,
        rule=if_target_is_there,
        compares=True,
    ),
    Operation(
        "detach_disk",
        "detach a disk",
        CATEGORY,
        {
            "qemu": guest_call(
                "qemu",
                "POST",
                "config",
                "qmconfig",
                "upid_or_null",
                requires=("delete",),
                excludes=("force",),
                renames={"disk": "delete", "volume": "delete"},
            ),
            "lxc": guest_call(
                "lxc",
                "PUT",
                "config",
                "",
                "null",
                requires=("delete",),
                renames={"disk": "delete", "volume": "delete"},
            ),
        },
        DISK,
        rule=unless_detached,
        done=states.is_detached,
        compares=True,
        may_pend=True,
        idempotent=True,
        effect={"{disk}": ""},
    ),
)
