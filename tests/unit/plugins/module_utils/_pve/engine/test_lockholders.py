# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.lockholders import (
    Holders,
    target_in,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid


@pytest.mark.parametrize(
    ("lines", "target"),
    [
        (["creating a clone of VM 110 with ID 130"], 130),
        (["creating a clone of container 110 with ID 220"], 220),
        (["trying to acquire lock...", " OK", "creating a clone of VM 110 with ID 130"], 130),
        (["creating a clone of VM 110 with ID 1300", "allocated 's:1300/vm-1300-disk-0'"], 1300),
        (["creating a clone of VM 1100 with ID 130"], None),
        (["a guest named creating a clone of VM 110 with ID 130"], None),
        (["creating a clone of VM 110 with ID 130 or so"], None),
        (
            [
                "create full clone of drive scsi0 (local-lvm:vm-110-disk-0)",
                '  Logical volume "vm-130-disk-0" created.',
            ],
            130,
        ),
        (
            [
                "create linked clone of drive scsi0 (store:110/base-110-disk-0.qcow2)",
                "clone 110/base-110-disk-0.qcow2: images, vm-130-disk-0.qcow2, 130 to vm-130-dis",
            ],
            130,
        ),
        (
            ["create linked clone of mountpoint rootfs (zfs:subvol-110-disk-0/subvol-220-disk-1)"],
            220,
        ),
        (["vm-130-disk-0", "vm-131-disk-0"], None),
        (["vm-110-disk-0"], None),
        ([], None),
    ],
)
def test_the_target_of_a_clone_is_read_exactly(lines: list[str], target: int | None) -> None:
    assert target_in(lines, 110) == target


def a_upid(type_: str, id_: object) -> Upid:
    return Upid.parse(f"UPID:pve1:00000001:00000002:68BF3A41:{type_}:{id_}:root@pam:")


@pytest.mark.parametrize(
    ("type_", "id_", "target", "lock", "holds"),
    [
        ("vzdump", "", None, "backup", True),
        ("vzdump", "", None, "clone", False),
        ("vzdump", 302, None, "backup", False),
        ("qmigrate", 301, None, "migrate", True),
        ("qmclone", 110, 301, "clone", True),
        ("qmclone", 110, 302, "clone", False),
        ("qmclone", 110, None, "clone", True),
        ("vzclone", 301, 400, "disk", True),
    ],
)
def test_who_may_hold_a_lock(
    type_: str, id_: object, target: int | None, lock: str, holds: bool
) -> None:
    guest = Guest(301, "qemu", "pve1", None, "stopped", lock=lock)
    assert Holders({a_upid(type_, id_): target}, {}).may_hold(guest) is holds
