# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    Cause,
    NoAnswerError,
    PveError,
    advice_on,
    classify,
)
from hypothesis import given
from hypothesis import strategies as st

TEXTS = {
    Cause.NO_WORKER: ["got no worker upid - start worker failed\n"],
    Cause.STOPPED: [
        "received interrupt",
        "interrupted by signal",
        "can't lock file '/var/lock/qemu-server/lock-110.conf' - received interrupt",
        "clone failed: copy failed: command 'qemu-img convert' failed: interrupted by signal",
    ],
    Cause.STORAGE_LOCK: [
        "clone failed: cfs-lock 'storage-store3' error: got lock request timeout",
        "can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout",
    ],
    Cause.LOCK: [
        "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
        "can't lock file '/var/log/pve/tasks/.active.lock' - got timeout",
        "CT is locked (disk)",
        "cfs-lock 'file-user_cfg' error: got lock request timeout",
        "cfs-lock 'domain-ha' error: got lock timeout",
    ],
    Cause.NO_QUORUM: [
        "cluster not ready - no quorum?\n",
        "create pool failed: cfs-lock 'file-user_cfg' error: no quorum!",
        "unable to open file '/etc/pve/nodes/vm/lxc/200.conf.tmp.17704' - Permission denied",
        "failed: unable to open file '/etc/pve/nodes/vm/lxc/3.conf.tmp.2' - Permission denied",
        "unable to open file '/etc/pve/nodes/vm/lxc/1.conf.tmp.7' - No such file or directory",
        "RPCEnvironment init request failed: Unable to load access control list: Conn... refused",
    ],
    Cause.ALREADY: ["VM 120 already running", "CT 210 already running", "CT 210 not running"],
    Cause.MODIFIED: [
        "checksum mismatch (file change by other user?)",
        "detected modified configuration - file changed by other user? Try again.",
    ],
    Cause.TAKEN: [
        "unable to create VM 130: config file already exists",
        "CT 210 already exists on node 'vm'",
        "unable to create VM 101 - VM 101 already exists on node 'pve2'",
        "VM 100 already exists",
        "close (rename) atomic file '/etc/pve/nodes/vm/qemu-server/200.conf' failed: File exists\n",
    ],
    Cause.GONE: [
        "no such task",
        "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist\n",
        "unable to find configuration file for VM 555 on node 'vm'",
    ],
    Cause.OTHER: [
        "",
        "OK",
        "unexpected status",
        "unable to get last line from task log - no such file",
        "VM is locked (backup)",
        "VM is locked (clone)",
        "CT is locked (create)",
        "job errors",
        "migration aborted",
        "migration problems",
        "storage migration failed: exit code 1",
        "unable to open file '/var/lib/vz/images/1.raw.tmp.7' - Permission denied",
        "command 'tar' failed: exit code 2",
        "command 'qm' failed: got signal 9",
        "command 'lvcreate' failed: got timeout",
        "hostname lookup 'nosuch' failed - failed to get address info for: nosuch",
        "Permission check failed (/vms/100, VM.Clone)",
        "parameter 'storage' not allowed for linked clones",
        "Linked clone feature is not supported for 'ceph:vm-100-disk-0' (scsi0)",
        "snapshot 'x' does not exist",
        "storage 'x' does not exist",
        "unable to create CT 211 - volume 'local:vztmpl/none.tar.gz' does not exist",
        "VM 120 is running - destroy failed",
        "Only root may use this option.",
        "No QEMU guest agent configured",
    ],
}


@pytest.mark.parametrize(("cause", "text"), [(k, text) for k, v in TEXTS.items() for text in v])
def test_each_text_of_proxmox_ve_has_its_cause(cause: Cause, text: str) -> None:
    assert classify(text) is cause


def test_only_what_leaves_nothing_behind_passes_by_itself() -> None:
    transient = {cause for cause in Cause if cause.transient}
    assert transient == {Cause.LOCK, Cause.STORAGE_LOCK, Cause.NO_WORKER}


@given(st.text())
def test_every_text_means_something(text: str) -> None:
    assert classify(text) in Cause


def test_an_error_says_what_was_tried_and_every_parameter() -> None:
    errors = {"newid": "type check failed\n", "name": "invalid\nformat"}
    error = ApiError("POST /x", 400, "Parameter verification failed.\n", errors)
    assert str(error) == (
        "POST /x: 400 Parameter verification failed."
        " (name: invalid format; newid: type check failed)"
    )


def test_the_problem_may_be_in_a_parameter() -> None:
    errors = {"upid": "no such task"}
    error = ApiError("GET /x", 400, "Parameter verification failed.", errors)
    assert error.cause is Cause.GONE


@pytest.mark.parametrize(
    ("status", "text", "advice"),
    [
        (403, "Permission check failed (/vms/100, VM.Clone)", "VM.Clone on /vms/100"),
        (403, "Permission check failed", "lacks a privilege"),
        (401, "authentication failure", "check api_user and api_password"),
    ],
)
def test_an_error_says_what_to_do(status: int, text: str, advice: str) -> None:
    assert advice in str(ApiError("POST /x", status, text))


def test_a_lost_response_says_whether_the_call_may_have_been_made() -> None:
    error = NoAnswerError("POST /x", "596 Connection timed out", sent=True)
    assert error.sent
    assert str(error) == "POST /x: 596 Connection timed out"
    assert isinstance(error, PveError)


@pytest.mark.parametrize(
    "piece",
    [
        "can't lock file '",
        "cfs-lock 'storage-x' error: ",
        "unable to open file '/etc/pve/",
        "VM 1 ",
        "a ",
    ],
)
def test_a_huge_text_costs_no_more_than_a_long_one(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    began = time.process_time()
    for _unused in range(5):
        assert classify(text) is Cause.OTHER
        assert classify(f"{text}interrupted by signal") is Cause.STOPPED
    assert time.process_time() - began < 2.0


def test_a_file_with_a_wrong_checksum_is_no_configuration_that_was_changed() -> None:
    assert advice_on("checksum mismatch: got 'a' != expect 'b'") == ""
    assert "retry" in advice_on("checksum mismatch (file change by other user?)")
