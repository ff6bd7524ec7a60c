# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.leftovers import explain, removal
from ansible_collections.upid.proxmox.plugins.module_utils._pve.upid import Upid

UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam:")


@pytest.mark.parametrize(("kind", "tool"), [("qemu", "qm"), ("lxc", "pct")])
def test_a_left_over_is_explained_with_the_commands_that_remove_it(kind: str, tool: str) -> None:
    guest = Guest(301, kind, "pve1", None, "stopped", lock="clone")
    text = explain(guest, UPID, "pve1")
    assert f"{tool} unlock 301 && {tool} destroy 301" in text
    assert str(UPID) in text
    assert "disks named after VMID 301" in text


def test_without_a_dead_task_of_ours_nobody_is_told_to_remove_anything() -> None:
    text = explain(Guest(301, "qemu", "pve1", None, "stopped", lock="clone"), None, "pve1")
    assert "destroy" not in text
    assert "Sys.Audit on /nodes/pve1" in text


def test_the_removal_ignores_the_lock_of_that_guest_alone() -> None:
    job = removal(Guest(301, "qemu", "pve2", None, "stopped", lock="clone"))
    assert (job.method, job.path) == ("DELETE", ("nodes", "pve2", "qemu", 301))
    assert job.params == {"skiplock": 1}
    assert not job.repeatable
