# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import (
    guest_job,
    place_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

VM = Guest(100, "qemu", "pve1", "app1", "stopped")
CT = Guest(200, "lxc", "pve2", "ct1", "stopped")


def upid_of(task_type: str, node: str, task_id: str) -> Upid:
    return Upid.parse(f"UPID:{node}:00000001:00000001:6B49D200:{task_type}:{task_id}:root@pam:")


# What the operations that need more than their guest are given.
PARAMS: dict[str, dict[str, Any]] = {
    "move_disk": {"disk": "scsi0", "storage": "ceph"},
    "reassign_disk": {"disk": "scsi0", "target-vmid": 101},
    "detach_disk": {"disk": "scsi1"},
    "snapshot": {"snapname": "before"},
    "rollback": {"snapname": "before"},
    "delete_snapshot": {"snapname": "before"},
    "create_container": {"ostemplate": "local:vztmpl/a.tar.zst"},
    "restore": {"archive": "local:backup/vzdump-qemu-100.vma"},
}
IN_THE_BODY = ("backup", "create_vm", "create_container", "restore")


@pytest.mark.parametrize(
    "name", [one.name for one in OPERATIONS.values() if one.scope == "guest" and not one.make]
)
@pytest.mark.parametrize("guest", [VM, CT], ids=["qemu", "lxc"])
def test_every_operation_makes_a_job_for_its_guest_only(name: str, guest: Guest) -> None:
    operation = OPERATIONS[name]
    if guest.type not in operation.calls:
        return
    job = guest_job(operation, guest, {"a": 1, **PARAMS.get(name, {})}, None)
    if name in IN_THE_BODY:
        assert job.path[:2] == ("nodes", guest.node)
        assert job.params["vmid"] == guest.vmid
    else:
        assert job.path[:4] == ("nodes", guest.node, guest.type, guest.vmid)
    assert not {"", None} & set(job.path)
    assert job.node == guest.node
    assert job.params["a"] == 1
    assert job.task_id is not None
    assert job.task_id.startswith(str(guest.vmid))
    assert job.timeout > 0
    assert Lane(f"vmid {guest.vmid}", exclusive=True) in job.lanes
    assert job.repeatable == operation.creates, "else Proxmox VE would not refuse a second one"


def test_what_the_path_needs_is_taken_out_of_the_body() -> None:
    job = guest_job(OPERATIONS["rollback"], VM, {"snapname": "before", "start": 1}, None)
    assert job.path == ("nodes", "pve1", "qemu", 100, "snapshot", "before", "rollback")
    assert job.params == {"start": 1}


def test_a_missing_part_of_the_path_is_named() -> None:
    with pytest.raises(UsageError, match="snapname is missing"):
        guest_job(OPERATIONS["rollback"], VM, {}, None)


@pytest.mark.parametrize("operation", ["snapshot", "rollback"])
def test_a_misspelled_parameter_is_named_with_the_one_that_is_missing(operation: str) -> None:
    with pytest.raises(UsageError, match="snapname is missing; snapnam was given"):
        guest_job(OPERATIONS[operation], VM, {"snapnam": "before", "description": "x"}, None)


def test_one_name_is_good_for_vms_and_containers() -> None:
    params = {"disk": "mp0", "storage": "ceph"}
    job = guest_job(OPERATIONS["move_disk"], CT, params, None)
    assert job.path[-1] == "move_volume"
    assert job.params == {"volume": "mp0", "storage": "ceph"}
    assert Lane("storage ceph") in job.lanes


def test_what_makes_a_call_this_operation_cannot_be_given_otherwise() -> None:
    job = guest_job(OPERATIONS["hibernate"], VM, {"todisk": True}, None)
    assert job.params == {"todisk": 1}
    with pytest.raises(UsageError, match="todisk can only be 0 here"):
        guest_job(OPERATIONS["suspend"], VM, {"todisk": 1}, None)
    with pytest.raises(UsageError, match="archive turns it into another operation"):
        guest_job(OPERATIONS["create_vm"], VM, {"archive": "local:backup/a.vma"}, None)


def test_an_operation_for_vms_alone_says_what_there_is_for_containers() -> None:
    with pytest.raises(UsageError, match="reset is not for containers: what comes next"):
        guest_job(OPERATIONS["reset"], CT, {}, None)


def test_a_disk_that_is_given_away_has_both_guests_in_the_id_of_its_task() -> None:
    operation, params = OPERATIONS["reassign_disk"], {"disk": "scsi1", "target-vmid": 102}
    assert guest_job(operation, VM, params, None).task_id == "100-scsi1>102-scsi1"
    job = guest_job(operation, VM, {**params, "target-disk": "scsi3"}, None)
    assert job.task_id == "100-scsi1>102-scsi3"
    job = guest_job(operation, CT, {"disk": "mp0", "target-vmid": 201}, None)
    assert job.task_id == "200-mp0>201-mp0"


def test_a_clone_is_the_job_of_its_new_guest() -> None:
    params = {"newid": 300, "name": "new", "snapname": "before", "target": "pve2"}
    job = guest_job(OPERATIONS["clone"], VM, params, None)
    assert (job.target.vmid, job.target.node, job.task_id) == (300, "pve2", "100")
    assert job.params["snapname"] == "before"
    assert job.repeatable


@pytest.mark.parametrize(
    ("name", "params", "task_id"),
    [
        ("service_restart", {"service": "pveproxy"}, "pveproxy"),
        ("wipe_disk", {"disk": "/dev/sdb"}, "sdb"),
        ("remove_lvm_thin", {"name": "data", "volume-group": "vg1"}, "vg1-data"),
        ("ceph_start", {}, "ceph"),
        ("ceph_start", {"service": "osd.3"}, "osd.3"),
        ("ceph_create_mon", {"monid": "pve1"}, "mon.pve1"),
        ("start_all", {}, ""),
        ("apply_network", {}, "networking"),
        ("download_template", {"template": "a:b%.tar.zst", "storage": "local"}, "a%3Ab%25.tar.zst"),
    ],
)
def test_the_id_of_a_task_on_a_node(name: str, params: dict[str, Any], task_id: str) -> None:
    job = place_job(OPERATIONS[name], "pve1", None, params, None)
    assert job.task_id == task_id
    assert job.node == "pve1"
    assert job.path[:2] == ("nodes", "pve1")
    assert job.target.title == "node pve1"


def test_a_download_has_the_name_of_the_stored_file_for_an_id() -> None:
    params = {"url": "https://example.com/a", "content": "iso", "filename": "x/my disk:1.iso"}
    job = place_job(OPERATIONS["download_url"], "pve1", "local", params, None)
    assert job.task_id == "my_disk_1.iso"
    assert job.params["filename"] == "x/my disk:1.iso"


def test_a_storage_has_a_lane_of_its_own() -> None:
    operation = OPERATIONS["download_url"]
    params = {"url": "https://example.com/a.iso", "content": "iso", "filename": "a.iso"}
    job = place_job(operation, "pve1", "local", params, None)
    assert job.path == ("nodes", "pve1", "storage", "local", "download-url")
    assert job.title == "download_url of storage local on pve1"
    assert Lane("storage local") in job.lanes
    assert job.task_id == "a.iso"
    assert (
        job.needs == "Datastore.AllocateTemplate on /storage/local;"
        " Sys.AccessNetwork on /nodes/pve1"
    )


def test_the_name_of_a_volume_is_one_part_of_the_path() -> None:
    operation = OPERATIONS["delete_volume"]
    job = place_job(operation, "pve1", "local", {"volume": "local:iso/a.iso"}, None)
    assert job.path[-1] == "local:iso/a.iso"
    assert job.params == {}
    assert job.task_id is None
    assert job.may_have_started(upid_of("imgdel", "pve1", "100@local"))


def test_what_is_done_to_the_cluster_is_done_by_the_node_that_answers() -> None:
    job = place_job(OPERATIONS["sync_realm"], "pve1", None, {"realm": "corp"}, None)
    assert job.path == ("access", "domains", "corp", "sync")
    assert job.params == {"dry-run": 0}
    assert job.may_have_started(upid_of("auth-realm-sync", "pve2", "corp"))
    assert not job.may_have_started(upid_of("auth-realm-sync", "pve2", "other"))


def test_the_user_s_patience_goes_before_the_type_s() -> None:
    assert guest_job(OPERATIONS["start"], VM, {}, None).timeout == 300
    assert guest_job(OPERATIONS["start"], VM, {}, 5).timeout == 5
