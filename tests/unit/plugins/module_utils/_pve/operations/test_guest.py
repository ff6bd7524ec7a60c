# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import guest_job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane

VM = Guest(100, "qemu", "pve1", "app1", "stopped")
CT = Guest(200, "lxc", "pve2", "ct1", "stopped")


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("guest", [VM, CT], ids=["qemu", "lxc"])
def test_every_operation_makes_a_job_for_its_guest_alone(name: str, guest: Guest) -> None:
    operation = OPERATIONS[name]
    if guest.type not in operation.calls:
        return
    job = guest_job(operation, guest, {"a": 1}, None)
    assert job.path[:4] == ("nodes", guest.node, guest.type, guest.vmid)
    assert "" not in job.path
    assert job.node == guest.node
    assert job.params["a"] == 1
    assert job.timeout > 0
    assert Lane(f"vmid {guest.vmid}", exclusive=True) in job.lanes
    assert not job.repeatable, "Proxmox VE would not refuse a second one"


def test_the_user_s_patience_goes_before_the_type_s() -> None:
    assert guest_job(OPERATIONS["start"], VM, {}, None).timeout == 300
    assert guest_job(OPERATIONS["start"], VM, {}, 5).timeout == 5
