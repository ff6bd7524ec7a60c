# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import (
    Job,
    common_lanes,
    readdressing,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam:")


def job(vmid: int = 201, task_id: str = "9000") -> Job:
    target = Guest(vmid, "qemu", "pve1", "web1")
    return Job("clone", target, "pve1", "POST", ("x",), {}, "qmclone", task_id, 60)


def test_adopting_changes_the_upid_alone() -> None:
    adopted = job().adopting(UPID)
    assert adopted.upid is UPID
    assert adopted.target == job().target


def test_another_vmid_keeps_all_else() -> None:
    made = readdressing(lambda target: job(target.vmid), job().target)(300)
    assert made.target == Guest(300, "qemu", "pve1", "web1")


def test_a_title_has_the_name_if_there_is_one() -> None:
    assert Guest(201, "qemu", "pve1", "web1").label == "VM 201 (web1)"
    assert Guest(201, "lxc", "pve1", None).label == "CT 201"


def test_every_job_counts_in_total_and_on_its_node() -> None:
    assert [lane.name for lane in common_lanes("pve1", None)] == ["all", "node pve1"]
    assert [lane.name for lane in common_lanes("pve1", "ceph")][2:] == ["storage ceph"]
