# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloning VMs: modes, checks, locks, and what is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

TEMPLATE, STOPPED, RUNNING = "qemu/9000/clone", "qemu/100/clone", "qemu/101/clone"
LOCKED_100 = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"
LOCKED_101 = "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout"
INTERRUPTED = (
    "clone failed: copy failed: command '/usr/bin/qemu-img convert -p -n -f raw -O raw "
    "rbd:ceph/vm-100-disk-0:conf=/etc/pve/ceph.conf:id=admin "
    "zeroinit:rbd:ceph/vm-200-disk-0:conf=/etc/pve/ceph.conf:id=admin' failed: "
    "interrupted by signal"
)


async def test_a_template_is_cloned_linked_unless_told_otherwise(cell: Any) -> None:
    assert await cell.done("POST", TEMPLATE, {"newid": 200, "name": "web"}) == "OK"
    clone = cell.world.guests[200]
    assert clone.config["scsi0"] == "ceph:base-9000-disk-0/vm-200-disk-0,size=8G"
    assert clone.config["name"] == "web"
    assert not clone.template
    assert clone.lock is None


async def test_a_full_clone_has_no_base(cell: Any) -> None:
    assert await cell.done("POST", TEMPLATE, {"newid": 200, "full": 1}) == "OK"
    assert cell.world.guests[200].config["scsi0"] == "ceph:vm-200-disk-0,size=8G"
    assert cell.world.guests[200].config["name"] == "Copy-of-VM-debian-12-cloud"


async def test_a_clone_has_addresses_and_ids_of_its_own(cell: Any) -> None:
    await cell.done("POST", TEMPLATE, {"newid": 200})
    source, clone = cell.world.guests[9000].config, cell.world.guests[200].config
    for key in ("net0", "smbios1", "vmgenid", "ide2"):
        assert clone[key] != source[key]
    assert clone["net0"].startswith("virtio=BC:24:11:")


async def test_the_upid_names_the_source_and_the_first_line_both(cell: Any) -> None:
    upid = await cell.call("POST", TEMPLATE, {"newid": 200})
    assert ":qmclone:9000:root@pam!cli:" in upid
    await cell.settle()
    assert cell.task(upid).lines[0] == "creating a clone of VM 9000 with ID 200"


async def test_a_target_that_is_being_created_has_a_lock_and_no_name(cell: Any) -> None:
    await cell.call("POST", STOPPED, {"newid": 200, "name": "web"})
    await cell.settle()
    config = await cell.call("GET", "qemu/200/config")
    assert set(config) == {"lock", "description", "digest"}
    assert config["description"] == " qmclone temporary file"
    assert (await cell.call("GET", "qemu/200/status/current"))["name"] == "VM 200"
    assert (await cell.refusal("GET", "/cluster/nextid", {"vmid": 200})).errors == {
        "vmid": "VM 200 already exists"
    }
    refusal = await cell.refusal("PUT", "qemu/200/config", {"description": "x"})
    assert refusal.message == "VM is locked (clone)"


async def test_a_stopped_source_is_cloned_many_times_at_once(cell: Any) -> None:
    upids = [await cell.call("POST", STOPPED, {"newid": 200 + n}) for n in range(6)]
    assert [await cell.end(upid) for upid in upids] == ["OK"] * 6
    starts = [cell.task(upid).started for upid in upids]
    ends = [cell.task(upid).ended for upid in upids]
    assert max(starts) < min(ends)


async def test_of_two_clones_of_a_running_source_one_gives_up_after_a_second(cell: Any) -> None:
    upids = [await cell.call("POST", RUNNING, {"newid": 200 + n}, node="pve2") for n in range(2)]
    assert [await cell.end(upid) for upid in upids] == ["OK", LOCKED_101]
    loser = cell.task(upids[1])
    assert 1.0 <= loser.ended - loser.started < 1.1
    assert 201 not in cell.world.guests


async def test_of_two_clones_with_one_vmid_one_gives_up_after_a_second(cell: Any) -> None:
    upids = [await cell.call("POST", STOPPED, {"newid": 200}) for _unused in range(2)]
    lock = "can't lock file '/var/lock/qemu-server/lock-200.conf' - got timeout"
    assert [await cell.end(upid) for upid in upids] == ["OK", lock]


async def test_a_vmid_of_a_vm_on_this_node_is_refused_at_once(cell: Any) -> None:
    refusal = await cell.refusal("POST", STOPPED, {"newid": 9000})
    assert (refusal.status, refusal.message) == (
        500,
        "unable to create VM 9000: config file already exists",
    )


async def test_a_vmid_of_a_container_or_of_another_node_fails_in_the_task(cell: Any) -> None:
    for newid in (9100, 101):
        status = await cell.done("POST", STOPPED, {"newid": newid})
        assert status == (
            f"close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/{newid}.conf' failed: "
            "File exists"
        )
    assert cell.world.guests[9100].type == "lxc"
    assert cell.world.guests[101].node == "pve2"


async def test_while_it_is_cloned_the_source_cannot_be_changed_or_started(cell: Any) -> None:
    await cell.call("POST", STOPPED, {"newid": 200})
    begun = cell.clock.now()
    refusal, start = await asyncio.gather(
        cell.refusal("PUT", "qemu/100/config", {"description": "x"}),
        cell.call("POST", "qemu/100/status/start"),
    )
    assert refusal.message == LOCKED_100
    assert 10 <= cell.clock.now() - begun < 10.1
    assert await cell.end(start) == LOCKED_100
    assert cell.task(start).lines[0] == "trying to acquire lock..."


async def test_a_clone_to_another_node_ends_there_but_its_task_stays(cell: Any) -> None:
    upid = await cell.call("POST", STOPPED, {"newid": 200, "target": "pve3"})
    assert upid.startswith("UPID:pve1:")
    await cell.settle()
    assert cell.world.guests[200].node == "pve1"
    assert await cell.end(upid) == "OK"
    assert cell.world.guests[200].node == "pve3"


async def test_invalid_requests_are_refused_before_a_task_starts(cell: Any) -> None:
    cases: list[tuple[str, str, dict[str, Any], int, str]] = [
        (
            "pve1",
            "qemu/555/clone",
            {},
            500,
            "unable to find configuration file for VM 555 on node 'pve1'",
        ),
        (
            "pve1",
            "qemu/9100/clone",
            {},
            500,
            "unable to find configuration file for VM 9100 on node 'pve1'",
        ),
        (
            "pve1",
            STOPPED,
            {"pool": "nosuch"},
            403,
            "Permission check failed (pool 'nosuch' does not exist)",
        ),
        ("pve1", STOPPED, {"target": "pve9"}, 500, "no such cluster node 'pve9'"),
        ("pve1", STOPPED, {"storage": "nosuch"}, 500, "storage 'nosuch' does not exist"),
        (
            "pve1",
            STOPPED,
            {"storage": "local-lvm", "target": "pve2"},
            500,
            "can't clone to non-shared storage 'local-lvm'",
        ),
        (
            "pve2",
            RUNNING,
            {"target": "pve1"},
            500,
            "can't clone VM to node 'pve1' (VM uses local storage)",
        ),
        ("pve1", STOPPED, {"snapname": "nosuch"}, 500, "snapshot 'nosuch' does not exist"),
        (
            "pve1",
            TEMPLATE,
            {"storage": "ceph"},
            500,
            "parameter 'storage' not allowed for linked clones",
        ),
        (
            "pve1",
            TEMPLATE,
            {"format": "raw"},
            500,
            "parameter 'format' not allowed for linked clones",
        ),
        (
            "pve1",
            STOPPED,
            {"full": 0},
            500,
            "Linked clone feature is not supported for 'ceph:vm-100-disk-0' (scsi0)",
        ),
    ]
    for node, path, params, status, message in cases:
        refusal = await cell.refusal("POST", path, {"newid": 200, **params}, node=node)
        assert (refusal.status, refusal.message) == (status, message)
    refusal = await cell.refusal("POST", STOPPED, {"newid": 200, "storage": "local"})
    assert refusal.errors == {"storage": "storage 'local' does not support vm images"}
    assert 200 not in cell.world.guests


async def test_a_locked_source_and_lost_quorum_are_refused(cell: Any) -> None:
    cell.world.guests[100].config["lock"] = "backup"
    assert (await cell.refusal("POST", STOPPED, {"newid": 200})).message == "VM is locked (backup)"
    cell.world.quorate = False
    refusal = await cell.refusal("POST", STOPPED, {"newid": 200})
    assert refusal.message == "cluster not ready - no quorum?"


async def test_space_on_the_storage_has_to_be_allowed(cell: Any) -> None:
    def may(path: str, _privilege: str) -> bool:
        return not path.startswith("/storage")

    refusal = await cell.refusal("POST", STOPPED, {"newid": 200}, may=may)
    assert (refusal.status, refusal.message) == (
        403,
        "Permission check failed (/storage/ceph, Datastore.AllocateSpace)",
    )


async def test_a_stopped_clone_leaves_nothing_and_answers_when_it_has_ended(cell: Any) -> None:
    volumes = len(cell.world.storages["ceph"].volumes)
    upid = await cell.call("POST", STOPPED, {"newid": 200})
    await cell.settle(3)
    begun = cell.clock.now()
    assert await cell.call("DELETE", f"tasks/{upid}") is None
    assert 1 < cell.clock.now() - begun < 2.1
    assert cell.task(upid).exitstatus == INTERRUPTED
    assert 200 not in cell.world.guests
    assert len(cell.world.storages["ceph"].volumes) == volumes


async def test_a_killed_clone_leaves_a_locked_target_that_only_root_removes(cell: Any) -> None:
    cell.world.add_task_fault(type="qmclone", exitstatus="unexpected status", count=1)
    assert await cell.done("POST", STOPPED, {"newid": 200}) == "unexpected status"
    assert cell.world.guests[200].lock == "clone"
    assert any(v.vmid == 200 for v in cell.world.storages["ceph"].volumes)
    assert await cell.done("DELETE", "qemu/200") == "VM is locked (clone)"
    refusal = await cell.refusal("DELETE", "qemu/200", {"skiplock": 1})
    assert refusal.errors == {"skiplock": "Only root may use this option."}
    assert await cell.done("DELETE", "qemu/200", {"skiplock": 1}, tokenid=None) == "OK"
    assert 200 not in cell.world.guests
    assert any(v.vmid == 200 for v in cell.world.storages["ceph"].volumes)


async def test_a_failed_clone_leaves_nothing(cell: Any) -> None:
    text = "clone failed: something broke"
    cell.world.add_task_fault(vmid=200, exitstatus=text)
    assert await cell.done("POST", STOPPED, {"newid": 200}) == text
    assert 200 not in cell.world.guests


async def test_a_snapshot_is_cloned_as_it_was(cell: Any) -> None:
    await cell.done("POST", "qemu/100/snapshot", {"snapname": "before"})
    await cell.call("PUT", "qemu/100/config", {"cores": 8})
    assert await cell.done("POST", STOPPED, {"newid": 200, "snapname": "before"}) == "OK"
    assert cell.world.guests[200].config["cores"] == 2
    assert "parent" not in cell.world.guests[200].config


async def test_bwlimit_makes_a_clone_slow(cell: Any) -> None:
    upid = await cell.call("POST", STOPPED, {"newid": 200, "bwlimit": 16384 * 16})
    assert await cell.end(upid) == "OK"
    task = cell.task(upid)
    assert abs(task.ended - task.started - 64) < 1


async def test_a_running_vm_is_mirrored(cell: Any) -> None:
    lines = await cell.lines("POST", RUNNING, {"newid": 200}, node="pve2")
    assert "drive mirror is starting for drive-scsi0" in lines
    assert "all 'mirror' jobs are ready" in lines
    assert any(line.endswith("%) in 1s") or "%) in " in line for line in lines)


async def test_parallel_clones_to_a_slow_shared_storage_time_out(
    slow_storage: Any,
) -> None:
    params = {"full": 1, "storage": "slow"}
    upids = [
        await slow_storage.call("POST", "qemu/110/clone", {"newid": 200 + n, **params})
        for n in range(10)
    ]
    statuses = [await slow_storage.end(upid) for upid in upids]
    error = "clone failed: cfs-lock 'storage-slow' error: got lock request timeout"
    assert statuses.count("OK") == 2
    assert statuses.count(error) == 8
    late = slow_storage.task(upids[statuses.index(error)])
    assert 11 <= late.ended - late.started < 12
    assert late.lines.count("trying to acquire cfs lock 'storage-slow' ...") == 9


async def test_many_clones_to_a_fast_shared_storage_do_not_wait_for_each_other(cell: Any) -> None:
    upids = [await cell.call("POST", "qemu/9000/clone", {"newid": 200 + n}) for n in range(50)]
    assert {await cell.end(upid) for upid in upids} == {"OK"}
    assert not any("acquire" in line for upid in upids for line in cell.task(upid).lines)


async def test_the_state_of_a_tpm_in_use_is_not_cloned(cell: Any) -> None:
    guest = cell.world.guests[101]
    guest.config["tpmstate0"] = "local-lvm:vm-101-disk-1,size=4M,version=v2.0"
    refusal = await cell.refusal("POST", "qemu/101/clone", {"newid": 200}, node="pve2")
    assert (refusal.status, refusal.message) == (500, "cannot clone TPM state while VM is running")
    guest.status = "stopped"
    assert ":qmclone:101:" in await cell.call("POST", "qemu/101/clone", {"newid": 200}, node="pve2")


async def test_a_linked_clone_on_file_storage_names_its_base(recorded: Any) -> None:
    lines = await recorded.lines("POST", "qemu/100/clone", {"newid": 3102})
    name, base = "vm-3102-disk-0.qcow2", "100/base-100-disk-0.qcow2"
    options = "cluster_size=131072 extended_l2=on preallocation=metadata compression_type=zlib"
    backing = f"backing_file=../{base} backing_fmt=qcow2 lazy_refcounts=off refcount_bits=16"
    path = f"'/srv/store1/images/3102/{name}'"
    assert lines[1:4] == [
        f"create linked clone of drive scsi0 (store1:{base})",
        f"clone {base}: images, {name}, 3102 to {name} (base=../{base})",
        f"Formatting {path}, fmt=qcow2 {options} size=1073741824 {backing}",
    ]
