# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.clone_log import (
    first_lines,
    read_targets,
    targets_in,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("lines", "targets"),
    [
        (["creating a clone of VM 110 with ID 130"], {130}),
        (["creating a clone of container 110 with ID 220"], {220}),
        (["trying to acquire lock...", " OK", "creating a clone of VM 110 with ID 130"], {130}),
        (["creating a clone of VM 110 with ID 1300", "allocated 's:1300/vm-1300-disk-0'"], {1300}),
        (["creating a clone of VM 1100 with ID 130"], set()),
        (["a guest named creating a clone of VM 110 with ID 130"], set()),
        (["creating a clone of VM 110 with ID 130 or so"], set()),
        (
            [
                "create full clone of drive scsi0 (local-lvm:vm-110-disk-0)",
                '  Logical volume "vm-130-disk-0" created.',
            ],
            {130},
        ),
        (
            [
                "create linked clone of drive scsi0 (store:110/base-110-disk-0.qcow2)",
                "clone 110/base-110-disk-0.qcow2: images, vm-130-disk-0.qcow2, 130 to vm-130-dis",
            ],
            {130},
        ),
        (["create linked clone of drive scsi0 (ceph:base-110-disk-0/vm-130-disk-0)"], {130}),
        (
            ["create full clone of mountpoint rootfs (zfs:subvol-110-disk-0/subvol-220-disk-1)"],
            {220},
        ),
        (["Formatting '/srv/images/130/vm-130-disk-0.raw', fmt=raw size=8589934592"], {130}),
        (["mounting subvol-130-disk-0"], {130}),
        (["transferred 130 MiB of 2010 MiB (10.00%)"], set()),
        (["vm-130-disk-0", "vm-131-disk-0"], {130, 131}),
        (["vm-110-disk-0"], set()),
        ([], set()),
    ],
)
def test_the_target_of_a_clone_is_read_exactly(lines: list[str], targets: set[int]) -> None:
    assert targets_in(lines, 110) == targets


@pytest.mark.parametrize(
    ("task_type", "task_id", "targets"),
    [
        ("qmclone", 110, {130}),
        ("qmcreate", 110, {110}),
        ("qmstart", 110, {110}),
        ("vzdump", "", set()),
    ],
)
def test_only_the_log_of_a_clone_is_read(
    task_type: str, task_id: object, targets: set[int]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        log = ["creating a clone of VM 110 with ID 130"]
        task = api.cluster.start("pve1", task_type, task_id, 5, log=log)
        assert await read_targets(api, task.upid) == targets
        assert len(api.calls) == (task_type == "qmclone")

    scenario()


@pytest.mark.parametrize("line", ["", "no content", "unable to open file - No such file"])
def test_a_log_that_is_not_written_yet_has_no_lines(line: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "qmclone", 110, 5)
        api.disturb("log", Answer([{"n": 1, "t": line}], 1))
        assert await first_lines(api, task.upid) == []

    scenario()


@in_virtual_time
async def test_a_log_that_may_not_be_read_is_an_error() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 110, 5)
    api.disturb("log", ApiError("GET log", 403, "Permission check failed"))
    with pytest.raises(ApiError):
        await read_targets(api, task.upid)
