# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import (
    Job,
    Target,
    common_lanes,
    readdressing,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam:")


def job(vmid: int = 201, task_id: str = "9000") -> Job:
    target = Target(vmid, "web1", "pve1", "qemu")
    return Job("clone", target, "pve1", "POST", ("x",), {}, "qmclone", task_id, 60)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("creating a clone of VM 9000 with ID 201", True),
        ("creating a clone of container 9000 with ID 201", True),
        ("creating a clone of VM 9000 with ID 2011", False),
        ("creating a clone of VM 201 with ID 300", False),
        ("create full clone of drive scsi0 (ceph:vm-9000-disk-0) to ceph:vm-201-disk-0", True),
        ("create linked clone of drive scsi0 (ceph:base-9000-disk-0/vm-201-disk-0)", True),
        ('Logical volume "vm-1201-disk-0" created.', False),
        ("Formatting '/srv/images/201/vm-201-disk-0.raw', fmt=raw size=8589934592", True),
        ("mounting subvol-201-disk-0", True),
        ("transferred 201 MiB of 2010 MiB (10.00%)", False),
        ("", False),
    ],
)
def test_the_log_tells_whose_task_it_is(line: str, told: bool) -> None:
    assert job().is_told_by(["first", line]) is told


def test_a_task_that_has_the_target_s_id_needs_no_log() -> None:
    assert job(task_id="201").is_told_by(())
    assert not job().is_told_by(())


def test_adopting_changes_the_upid_alone() -> None:
    adopted = job().adopting(UPID)
    assert adopted.upid is UPID
    assert adopted.target == job().target


def test_another_vmid_keeps_all_else() -> None:
    made = readdressing(lambda target: job(target.vmid), job().target)(300)
    assert made.target == Target(300, "web1", "pve1", "qemu")


def test_a_title_has_the_name_where_there_is_one() -> None:
    assert Target(201, "web1", "pve1", "qemu").title == "VM 201 (web1)"
    assert Target(201, None, "pve1", "lxc").title == "CT 201"


def test_every_job_is_counted_in_the_whole_and_on_its_node() -> None:
    assert [lane.name for lane in common_lanes("pve1", None)] == ["all", "node pve1"]
    assert [lane.name for lane in common_lanes("pve1", "ceph")][2:] == ["storage ceph"]
