# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.lockholders import Holders
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid


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
def test_only_a_task_of_its_kind_that_may_work_on_the_guest_may_hold_its_lock(
    type_: str, id_: object, target: int | None, lock: str, holds: bool
) -> None:
    guest = Guest(301, "qemu", "pve1", None, "stopped", lock=lock)
    assert Holders({a_upid(type_, id_): target}, {}).may_hold(guest) is holds
