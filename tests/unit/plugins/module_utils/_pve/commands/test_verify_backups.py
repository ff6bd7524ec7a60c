# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups are restored, started, seen to work and removed, and nothing else is touched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.verify_backups.marks import (  # noqa: E501
    Mark,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

DISK = "local:90000/vm-90000-disk-0.raw,size=8G"
MARK = str(Mark("0123456789abcdef", "-", EPOCH - 60, "local:backup/old"))


def row(vmid: int, created: int, kind: str = "qemu", **config: Any) -> dict[str, Any]:
    """A backup; its configuration is what the guest had."""
    name = "name" if kind == "qemu" else "hostname"
    told = {name: f"app{vmid}", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0", "agent": 1}
    return {
        "volid": f"local:backup/vzdump-{kind}-{vmid}-{created}.zst",
        "vmid": vmid,
        "ctime": created,
        "size": 1000 + vmid,
        "config": {**told, **config},
    }


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.nodes = {"pve1": next(iter(api.cluster.nodes.values()))}
    api.cluster.add(100, name="app1", status="running", net0="virtio")
    api.cluster.add(101, name="app2", tags="web")
    api.cluster.add(200, "lxc", hostname="ct1", tags="web")
    api.cluster.backups = {
        "local": [row(100, 50), row(100, 90), row(101, 80), row(200, 70, "lxc"), row(150, 60)]
    }
    return api


async def verify(api: FakeApi, *guests: Any, **options: Any) -> Report:
    given = {"guests": list(guests) or None, "vmid_range": "90000-90009", **options}
    return await run_command("verify_backups", api, **given)


def of(report: Report, vmid: int) -> dict[str, Any]:
    return next(one for one in report.values["guests"] if one["vmid"] == vmid)


def steps(report: Report, vmid: int) -> list[tuple[str, str]]:
    return [(one["name"], one["outcome"]) for one in of(report, vmid)["steps"]]


def untouched(api: FakeApi, *vmids: int) -> bool:
    """Whether no call changed these guests."""
    changed = [call.path for call in api.calls if call.method != "GET"]
    return not any(f"/{vmid}" in path for path in changed for vmid in vmids)


@in_virtual_time
async def test_the_newest_backup_is_restored_without_network_started_and_removed() -> None:
    api = an_api()
    report = await verify(api, "app1")
    assert report.problem is None
    assert not report.changed
    one = of(report, 100)
    assert one["archive"] == "local:backup/vzdump-qemu-100-90.zst"
    assert (one["created"], one["size"]) == ("1970-01-01T00:01:30Z", 1100)
    assert (one["proven"], one["proof"], one["left"]) == (True, "the agent answers", False)
    assert one["restore_duration"] > 0
    assert steps(report, 100) == [
        ("restore", "ok"),
        ("isolate", "ok"),
        ("start", "ok"),
        ("proof", "unchanged"),
        ("stop", "ok"),
        ("unprotect", "unchanged"),
        ("delete", "ok"),
        ("verify", "unchanged"),
    ]
    restore, isolate = [call for call in api.calls if call.method == "POST"][:2]
    assert restore.params["unique"] == 1
    assert restore.params["onboot"] == 0
    assert isolate.params["delete"] == "net0"
    assert set(api.cluster.guests) == {100, 101, 200}
    assert untouched(api, 100, 101, 200)


@in_virtual_time
async def test_containers_have_to_run_on_and_all_of_a_selector_are_verified() -> None:
    api = an_api()
    report = await verify(api, tags=["web"], settle=30)
    assert report.problem is None
    assert [one["vmid"] for one in report.values["guests"]] == [101, 200]
    assert of(report, 200)["proof"] == "it runs on for 30 s"
    assert of(report, 200)["type"] == "lxc"
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_a_guest_that_is_gone_is_verified_by_its_vmid() -> None:
    api = an_api()
    report = await verify(api, 150)
    assert report.problem is None
    assert of(report, 150)["proven"]


@in_virtual_time
async def test_a_guest_without_a_backup_fails_and_the_others_go_on() -> None:
    api = an_api()
    api.cluster.add(102, name="app3")
    report = await verify(api, 102, "nobody", 101)
    assert report.problem is not None
    assert "there is no backup of it" in of(report, 102)["message"]
    assert "there is no guest 'nobody'" in report.problem
    assert of(report, 101)["proven"]


@in_virtual_time
async def test_a_backup_may_not_be_the_newest_where_a_storage_cannot_be_read() -> None:
    api = an_api()
    api.cluster.add(102, name="app3")
    api.cluster.backups["nfs"] = []
    away = ApiError("GET", 500, "storage 'nfs' is not online")
    api.disturb("GET .*/storage/nfs/content", away, count=None)
    report = await verify(api, 100, 102)
    one = of(report, 100)
    assert (one["proven"], one["outcome"]) == (True, "warnings")
    assert "there may be a newer one: not read: storage nfs of node pve1" in one["message"]
    assert "not read: storage nfs of node pve1" in of(report, 102)["message"]
    strict = await verify(api, 100, warnings="fail")
    assert "there may be a newer one" in (strict.problem or "")


@in_virtual_time
async def test_a_backup_that_is_too_old_is_not_restored() -> None:
    api = an_api()
    report = await verify(api, 101, max_age="26h")
    assert "which is before max_age (26h)" in of(report, 101)["message"]
    assert api.made("POST") == []


@pytest.mark.parametrize(
    ("pattern", "reply", "step", "why"),
    [
        (
            "POST .*/status/start",
            ApiError("POST /start", 500, "MAX 2 vcpus allowed per VM on this node"),
            "start",
            "MAX 2 vcpus",
        ),
        (
            "POST .*/agent/ping",
            ApiError("POST /ping", 500, "No QEMU guest agent configured"),
            "proof",
            "No QEMU guest agent configured",
        ),
        (
            "POST .*/90000/config",
            ApiError(
                "POST /config", 403, "Permission check failed (/vms/90000, VM.Config.Network)"
            ),
            "isolate",
            "VM.Config.Network",
        ),
    ],
)
@in_virtual_time
async def test_what_was_restored_is_removed_although_a_step_failed(
    pattern: str, reply: Exception, step: str, why: str
) -> None:
    api = an_api()
    api.disturb(pattern, reply, count=None)
    report = await verify(api, 100)
    one = of(report, 100)
    assert (one["proven"], one["step"], one["left"]) == (False, step, False)
    assert why in one["message"]
    assert report.problem is not None
    assert 90000 not in api.cluster.guests


@in_virtual_time
async def test_an_agent_that_never_answers_is_no_proof() -> None:
    api = an_api()
    api.disturb("POST .*/ping", ApiError("POST /ping", 500, "not running"), count=None)
    report = await verify(api, 100, proof_timeout=60)
    assert "its agent does not answer after 60 s: not running" in of(report, 100)["message"]
    assert 90000 not in api.cluster.guests


@in_virtual_time
async def test_a_command_proves_by_its_exit_code() -> None:
    api = an_api()
    options = {"proof": "command", "command": ["systemctl", "is-active", "db"]}
    assert of(await verify(api, 100, **options), 100)["proof"] == "the command succeeded"
    ended = Answer({"exited": 1, "exitcode": 3, "out-data": "inactive\n"})
    api.disturb("GET .*/exec-status", ended)
    report = await verify(api, 100, **options)
    assert of(report, 100)["message"] == "the command ended with exit code 3: inactive"
    assert 90000 not in api.cluster.guests


@in_virtual_time
async def test_a_restore_that_fails_leaves_nothing() -> None:
    api = an_api()
    api.ends["qmrestore"] = ["command 'vma extract' failed: exit code 1"]
    report = await verify(api, 100)
    one = of(report, 100)
    assert (one["step"], one["left"], one["restore_duration"] is not None) == (
        "restore",
        False,
        True,
    )
    assert "vma extract" in one["message"]
    assert set(api.cluster.guests) == {100, 101, 200}


TAKEN = ApiError("POST /qemu", 500, "unable to restore VM 90000 - VM 90000 already exists")


@in_virtual_time
async def test_a_guest_that_took_the_vmid_is_left_alone_and_another_vmid_is_used() -> None:
    api = an_api()
    api.disturb("POST .*/qemu$", TAKEN)
    report = await verify(api, 100)
    assert report.problem is None
    assert of(report, 100)["scratch_vmid"] != 90000
    assert untouched(api, 90000)
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_a_range_without_a_free_vmid_is_an_error() -> None:
    api = an_api()
    api.disturb("POST .*/qemu$", TAKEN, count=None)
    report = await verify(api, 100)
    assert of(report, 100)["message"] == "vmid_range: no VMID is free from 90000 to 90009"
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_two_calls_at_once_with_one_range_leave_each_other_alone() -> None:
    api = an_api()
    both = await asyncio.gather(verify(api, 100, 101), verify(api, 101, 200, 150))
    for report in both:
        assert report.problem is None
        assert {one["proven"] for one in report.values["guests"]} == {True}
        assert not [one for one in report.values["leftovers"] if one["removed"]]
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_a_call_leaves_what_a_slower_one_that_began_earlier_works_on() -> None:
    api = an_api()
    slow = asyncio.ensure_future(verify(api, 200, settle=600))
    await api.until_made("POST .*/lxc/90000/status/start", 1)
    report = await verify(api, nodes=["all"], type="qemu")
    assert report.problem is None
    [kept] = report.values["leftovers"]
    assert (kept["vmid"], kept["removed"]) == (90000, False)
    assert "may be at work until" in kept["message"]
    assert of(await slow, 200)["proven"]
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_a_restore_of_another_call_is_left_alone_at_its_end_and_does_not_keep_others() -> (
    None
):
    api = an_api()
    other = asyncio.ensure_future(verify(api, 200, settle=600))
    await api.until_made("POST .*/lxc$", 1)
    report = await verify(api, 100)
    assert report.problem is None
    assert [one["removed"] for one in report.values["leftovers"]] == [False]
    assert of(await other, 200)["proven"]
    assert set(api.cluster.guests) == {100, 101, 200}


@pytest.mark.parametrize(("until", "removed"), [(99, False), (-1, True)])
def test_what_a_call_on_another_machine_has_restored_is_removed_when_its_time_is_over(
    until: int, removed: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        mark = Mark("0123456789abcdef", "0123456789ab.12.34", EPOCH + until, "local:backup/old")
        api.cluster.add(90000, name="theirs", description=str(mark), tags="upid-verify")
        report = await verify(api, 100)
        assert report.problem is None
        assert [one["removed"] for one in report.values["leftovers"]] == [removed]
        assert (90000 in api.cluster.guests) != removed
        assert removed or untouched(api, 90000)

    scenario()


@in_virtual_time
async def test_a_selection_leaves_out_what_a_call_with_another_range_has_restored() -> None:
    api = an_api()
    mark = Mark("0123456789abcdef", "0123456789ab.12.34", EPOCH + 99, "local:backup/old")
    api.cluster.add(80000, name="theirs", description=str(mark), tags="upid-verify")
    report = await verify(api, nodes=["all"])
    assert report.problem is None
    assert [one["vmid"] for one in report.values["guests"]] == [100, 101, 200]
    assert report.values["leftovers"] == []
    assert untouched(api, 80000)


@in_virtual_time
async def test_a_guest_of_the_range_that_cannot_be_read_is_left_alone() -> None:
    api = an_api()
    api.cluster.add(90000, name="unknown")
    api.disturb("GET .*/90000/config", ApiError("GET", 403, "Permission check failed"), count=None)
    report = await verify(api, 100)
    assert of(report, 100)["proven"]
    assert "it cannot be read" in report.values["leftovers"][0]["message"]
    assert untouched(api, 90000)


@in_virtual_time
async def test_a_guest_that_replaced_the_restored_one_is_left_alone() -> None:
    """Somebody removes the restored guest, and makes another one with its VMID."""
    api = an_api()
    original = api.cluster.start

    def start(*args: Any, **options: Any) -> Any:
        task = original(*args, **options)
        if args[1] == "qmstart":
            api.cluster.add(90000, name="precious", description="not ours", status="running")
        return task

    api.cluster.start = start  # type: ignore[method-assign]
    report = await verify(api, 100)
    one = of(report, 100)
    assert one["left"]
    assert report.changed
    assert "does not have the mark" in one["message"]
    assert api.cluster.guests[90000].config["name"] == "precious"
    assert not api.made("(POST|DELETE) .*/90000(/status/stop)?$")


@in_virtual_time
async def test_what_an_earlier_call_left_is_removed_and_others_of_the_range_are_not() -> None:
    api = an_api()
    api.cluster.add(
        90000, name="mine", description=f"{MARK}\n", status="running", tags="upid-verify"
    )
    api.cluster.add(90001, name="other", tags="upid-verify", description="upid.proxmox")
    plan = await run_command(
        "verify_backups", api, check=True, guests=[100], vmid_range="90000-90009"
    )
    assert plan.changed
    assert api.made("(POST|DELETE|PUT)") == []
    report = await verify(api, 100)
    assert report.problem is None
    assert report.changed
    [leftover] = report.values["leftovers"]
    assert (leftover["vmid"], leftover["removed"]) == (90000, True)
    assert leftover["archive"] == "local:backup/old"
    assert set(api.cluster.guests) == {100, 101, 200, 90001}
    assert untouched(api, 90001)


@in_virtual_time
async def test_an_interrupted_call_says_what_it_left_and_the_next_one_removes_it() -> None:
    api, stop = an_api(), asyncio.Event()
    given: dict[str, Any] = {"guests": [100, 101], "vmid_range": "90000-90009"}
    call = asyncio.ensure_future(run_command("verify_backups", api, stop=stop, **given))
    started = asyncio.Event()
    start = api.cluster.start

    def noticed(*args: Any, **options: Any) -> Any:
        if args[1] == "qmstart":
            started.set()
        return start(*args, **options)

    api.cluster.start = noticed  # type: ignore[method-assign]
    await started.wait()
    stop.set()
    report = await call
    assert report.problem is not None
    left = [one["scratch_vmid"] for one in report.values["guests"] if one["left"]]
    assert left
    assert set(left) <= set(api.cluster.guests)
    await asyncio.sleep(600)
    again = await verify(api, 100)
    assert again.problem is None
    assert {one["vmid"] for one in again.values["leftovers"] if one["removed"]} == set(left)
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_a_lost_response_to_the_restore_is_found_and_proven() -> None:
    api = an_api()
    api.disturb("POST .*/qemu$", NoAnswerError("POST /qemu", "596", sent=True), after=True)
    report = await verify(api, 100)
    assert of(report, 100)["proven"], report.problem
    assert set(api.cluster.guests) == {100, 101, 200}


@in_virtual_time
async def test_one_vmid_is_enough_for_one_guest_at_a_time() -> None:
    api = an_api()
    report = await verify(api, 100, 101, vmid_range="90000-90000", parallel_guests=1)
    assert report.problem is None
    assert [one["scratch_vmid"] for one in report.values["guests"]] == [90000, 90000]


@in_virtual_time
async def test_the_plan_names_the_backups_and_does_nothing() -> None:
    api = an_api()
    report = await run_command(
        "verify_backups", api, check=True, guests=[100, 200], vmid_range="90000-90009"
    )
    assert report.problem is None
    assert not report.changed
    assert [one["outcome"] for one in report.values["guests"]] == ["queued", "queued"]
    assert report.diff is not None
    assert "restore local:backup/vzdump-lxc-200-70.zst on pve1" in report.diff["after"]
    assert api.made("(POST|DELETE|PUT)") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"wait": False}, "only be waited for"),
        ({"proof": "command"}, "command: it is required"),
        ({"command": ["true"]}, "command: it is required"),
        ({"proof": "address"}, "set network to disconnected"),
        ({"vmid_range": "9-1"}, "vmid_range"),
        ({"storages": ["nosuch"]}, "no node has a storage 'nosuch'"),
        ({"max_age": "soon"}, "max_age"),
        ({"tags": ["web"]}, "give either guests"),
    ],
)
@in_virtual_time
async def test_options_that_are_refused(options: dict[str, Any], words: str) -> None:
    api = an_api()
    with pytest.raises(UsageError, match=words):
        await verify(api, 100, **options)
    assert api.made("(POST|DELETE|PUT)") == []


@in_virtual_time
async def test_no_guest_at_all_is_a_success_that_says_so() -> None:
    report = await verify(an_api(), tags=["nobody"])
    assert report.problem is None
    assert report.values["msg"] == "there is no guest with tag nobody; nothing was verified"


@in_virtual_time
async def test_a_selection_leaves_out_what_an_earlier_call_restored() -> None:
    api = an_api()
    api.cluster.add(90000, name="mine", description=MARK)
    report = await verify(api, nodes=["all"])
    assert report.problem is None
    assert [one["vmid"] for one in report.values["guests"]] == [100, 101, 200]
    assert 90000 not in api.cluster.guests
