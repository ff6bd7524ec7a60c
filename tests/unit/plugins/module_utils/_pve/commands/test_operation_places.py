# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation on nodes, on their storages and on the cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    HostError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


async def operate(api: FakeApi, operation: str, **options: Any) -> Report:
    return await run_command("operation", api, operation=operation, **options)


def outcomes(report: Report) -> list[tuple[Any, ...]]:
    return [
        (one["node"], one["storage"], one["outcome"], one["changed"])
        for one in report.values["targets"]
    ]


@in_virtual_time
async def test_each_node_gets_a_job() -> None:
    api = FakeApi()
    report = await operate(
        api, "service_restart", nodes=["pve1", "pve3"], params={"service": "pveproxy"}
    )
    assert outcomes(report) == [("pve1", None, "ok", True), ("pve3", None, "ok", True)]
    assert [call.path for call in api.made("POST")] == [
        "/nodes/pve1/services/pveproxy/restart",
        "/nodes/pve3/services/pveproxy/restart",
    ]
    assert [call.params for call in api.made("POST")] == [{}, {}]
    assert [task["type"] for task in report.values["tasks"]] == ["srvrestart"] * 2
    assert report.values["targets"][0]["upid"] == report.values["tasks"][0]["upid"]
    assert "guests" not in report.values
    assert report.values["summary"]["ok"] == 2


@in_virtual_time
async def test_all_nodes_are_those_online_and_a_named_one_that_is_not_fails() -> None:
    api = FakeApi()
    api.cluster.down.add("pve3")
    params = {"service": "pveproxy"}
    every = await operate(api, "service_restart", nodes=["all"], params=params)
    assert [one[0] for one in outcomes(every)] == ["pve1", "pve2"]
    named = await operate(api, "service_restart", nodes=["pve1", "pve3"], params=params)
    assert outcomes(named) == [("pve1", None, "ok", True), ("pve3", None, "failed", False)]
    assert named.problem is not None
    assert named.problem.startswith("node pve3 cannot be reached")


@in_virtual_time
async def test_a_storage_is_named_by_its_option() -> None:
    api = FakeApi()
    params = {"url": "https://example.com/a.iso", "content": "iso", "filename": "a.iso"}
    report = await operate(api, "download_url", nodes=["pve1"], storage="local", params=params)
    assert outcomes(report) == [("pve1", "local", "ok", True)]
    [call] = api.made("POST")
    assert call.path == "/nodes/pve1/storage/local/download-url"
    assert call.params == params


@in_virtual_time
async def test_a_lost_download_is_found_by_the_name_of_the_stored_file() -> None:
    api = FakeApi()
    lost = NoAnswerError("POST", "connection reset", sent=True)
    api.disturb("POST /nodes/pve1/storage", lost, after=True)
    params = {"url": "https://example.com/a", "content": "iso", "filename": "my disk.iso"}
    report = await operate(api, "download_url", nodes=["pve1"], storage="local", params=params)
    assert outcomes(report) == [("pve1", "local", "ok", True)]
    assert len(api.made("POST")) == 1


@pytest.mark.parametrize(
    ("operation", "params", "volume"),
    [
        (
            "download_url",
            {"url": "https://example.com/a", "content": "iso", "filename": "my disk.iso"},
            "local:iso/my_disk.iso",
        ),
        (
            "pull_oci_image",
            {"reference": "docker.io/library/alpine:3", "filename": "alpine 3"},
            "local:vztmpl/alpine_3.tar",
        ),
    ],
)
def test_a_file_that_is_there_under_its_stored_name_is_unchanged(
    operation: str, params: dict[str, Any], volume: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.templates["pve1"] = [volume]
        report = await operate(api, operation, nodes=["pve1"], storage="local", params=params)
        assert outcomes(report) == [("pve1", "local", "unchanged", False)]
        assert not api.made("POST")

    scenario()


@in_virtual_time
async def test_the_cluster_is_one_target_and_the_node_that_answers_works() -> None:
    api = FakeApi()
    report = await operate(api, "apply_sdn")
    assert outcomes(report) == [("pve2", None, "ok", True)]


@pytest.mark.parametrize(
    ("operation", "options", "message"),
    [
        ("service_restart", {}, "nodes: service_restart needs the nodes"),
        ("service_restart", {"nodes": ["pve9"]}, "nodes: there is no node 'pve9'"),
        ("service_restart", {"nodes": ["pve1"]}, "params: service is missing"),
        (
            "service_restart",
            {"nodes": ["pve1"], "params": {"service": "sshd", "forse": 1}},
            "forse",
        ),
        ("service_restart", {"nodes": ["pve1"], "guests": [100]}, "guests: service_restart is"),
        ("service_restart", {"nodes": ["pve1"], "tags": ["x"]}, "tags: service_restart is"),
        ("service_stop", {"nodes": ["pve1"]}, "set allow_destructive to true"),
        ("download_url", {"nodes": ["pve1"]}, "storage: download_url needs the storage"),
        ("apply_sdn", {"nodes": ["pve1"]}, "nodes: apply_sdn is about the cluster"),
        ("start", {"guests": [100], "method": "POST"}, "either operation, or method and path"),
    ],
)
def test_what_is_not_clear_is_refused(
    operation: str, options: dict[str, Any], message: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        with pytest.raises(UsageError, match=message):
            await operate(api, operation, **options)
        assert not api.made("POST")

    scenario()


@in_virtual_time
async def test_the_plan_does_nothing_and_the_diff_says_what_would_be_done() -> None:
    api = FakeApi()
    report = await run_command(
        "operation",
        api,
        check=True,
        operation="service_reload",
        nodes=["pve1"],
        params={"service": "sshd"},
    )
    assert outcomes(report) == [("pve1", None, "queued", True)]
    assert report.changed
    assert not api.made("POST")
    assert report.diff is not None
    assert report.diff["after"].startswith("node pve1: service_reload of")


@in_virtual_time
async def test_a_lost_answer_finds_the_task_and_sends_no_second_call() -> None:
    api = FakeApi()
    lost = NoAnswerError("POST", "connection reset", sent=True)
    api.disturb("POST /nodes/pve1/services", lost, after=True)
    report = await operate(api, "service_restart", nodes=["pve1"], params={"service": "sshd"})
    assert outcomes(report) == [("pve1", None, "ok", True)]
    assert len(api.made("POST")) == 1


# A call by its path.


async def call(api: FakeApi, method: str, path: str, **options: Any) -> Report:
    given = {"method": method, "path": path, **options}
    return await run_command("operation", api, **given)


@pytest.mark.parametrize("prefix", ["", "/api2/json", "/api2/extjs"])
def test_a_task_is_waited_for(prefix: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(100, name="web1")
        path = f"{prefix}/nodes/pve1/qemu/100/status/start"
        report = await call(api, "POST", path, allow_destructive=True)
        assert outcomes(report) == [("pve1", None, "ok", True)]
        assert report.values["data"] is None
        assert report.values["tasks"][0]["type"] == "qmstart"
        assert api.cluster.guests[100].status == "running"

    scenario()


@in_virtual_time
async def test_other_answers_are_returned() -> None:
    api = FakeApi()
    api.disturb("POST /access/users/x@pve/token/ci", Answer({"value": "v"}))
    path = "/access/users/x%40pve/token/ci"
    report = await call(api, "POST", path, params={"privsep": True}, allow_destructive=True)
    assert report.values["data"] == {"value": "v"}
    assert (report.changed, report.values["tasks"]) == (True, [])
    assert api.made("POST")[0].params == {"privsep": 1}


@in_virtual_time
async def test_a_get_reads_and_changes_nothing() -> None:
    api = FakeApi()
    report = await call(api, "GET", "/version")
    assert report.values["data"] == {"version": "9.2.11"}
    assert (report.changed, report.values["targets"]) == (False, [])


@in_virtual_time
async def test_a_call_in_check_mode_is_a_plan() -> None:
    api = FakeApi()
    options: dict[str, Any] = {"method": "POST", "path": "/pools", "params": {"poolid": "x"}}
    report = await run_command("operation", api, check=True, allow_destructive=True, **options)
    assert outcomes(report) == [("pve2", None, "queued", True)]
    assert not api.made("POST")


@pytest.mark.parametrize(
    ("lost", "after"),
    [
        (NoAnswerError("POST /pools", "connection reset", sent=True), True),
        (ApiError("POST /pools", 599, "Too many redirects"), True),
        (NoAnswerError("POST /pools", "no answer in time", sent=True), False),
    ],
)
def test_what_became_of_a_lost_call_is_not_known_and_it_is_not_sent_again(
    lost: Exception, after: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("POST /pools", lost, after=after)
        report = await call(
            api, "POST", "/pools", params={"poolid": "x"}, allow_destructive=True, retries=5
        )
        assert len(api.made("POST")) == 1
        [target] = report.values["targets"]
        assert target["outcome"] in ("lost", "failed")
        if isinstance(lost, NoAnswerError):
            assert target["outcome"] == "lost"
            assert "it is not sent again. Look at what it changes" in target["message"]
            assert "your tasks on pve2 that began since: none" in target["message"]
        assert report.problem is not None

    scenario()


@in_virtual_time
async def test_a_lost_call_names_the_tasks_that_may_be_its() -> None:
    api = FakeApi()
    api.cluster.add(100, name="web1")
    lost = NoAnswerError("POST", "connection reset", sent=True)
    api.disturb("POST /nodes/pve1/qemu/100", lost, after=True)
    report = await call(api, "POST", "/nodes/pve1/qemu/100/status/start", allow_destructive=True)
    [target] = report.values["targets"]
    assert target["outcome"] == "lost"
    assert ":qmstart:100:" in target["message"]
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_a_refusal_that_would_pass_is_not_tried_again() -> None:
    api = FakeApi()
    refused = ApiError("POST /pools", 500, "can't lock file '/x' - got timeout")
    api.disturb("POST /pools", refused, count=None)
    report = await call(api, "POST", "/pools", params={"poolid": "x"}, allow_destructive=True)
    assert outcomes(report) == [("pve2", None, "failed", False)]
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_a_call_that_got_a_response_of_any_kind_is_not_sent_again() -> None:
    """595 says that it was not passed on, but it has left this machine."""
    api = FakeApi()
    passed_on = NoAnswerError("POST", "595 Connection refused", sent=False)
    api.disturb("POST /pools", passed_on, after=True)
    report = await call(api, "POST", "/pools", params={"poolid": "x"}, allow_destructive=True)
    assert outcomes(report) == [("pve2", None, "lost", True)]
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_the_refusal_of_a_call_that_was_not_sent_before_is_one() -> None:
    api = FakeApi()
    api.cluster.add(100, name="web1", status="running")
    away = HostError("POST", "pve1:8006: connection refused", sent=False)
    start = "POST /nodes/pve1/qemu/100/status/start"
    api.disturb(start, away)
    refused = ApiError(start, 500, "VM 100 already running")
    api.disturb(start, refused)
    report = await call(api, "POST", "/nodes/pve1/qemu/100/status/start", allow_destructive=True)
    [target] = report.values["targets"]
    assert (target["outcome"], target["changed"]) == ("failed", False)
    assert "already running" in target["message"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "POST"}, "give both method and path"),
        ({"path": "/pools"}, "give both method and path"),
        ({"method": "POST", "path": "/pools"}, "POST /pools can destroy data"),
        ({"method": "GET", "path": "pools"}, "does not begin with /"),
        ({"method": "GET", "path": "/nodes//pve1"}, "has an empty part"),
        ({"method": "GET", "path": "/nodes/{node}/qemu"}, "parts that are not filled in"),
        ({"method": "GET", "path": "/nodes/../access"}, "parts that are not filled in"),
        ({"method": "GET", "path": "/pools?x=1"}, "give that in params"),
        ({"method": "GET", "path": "/pools", "guests": [100]}, "guests: a call by its path"),
        ({}, "give either operation, or method and path"),
    ],
)
def test_a_call_that_is_not_whole_is_refused(options: dict[str, Any], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        with pytest.raises(UsageError, match=message):
            await run_command("operation", api, **options)
        assert not api.calls

    scenario()
