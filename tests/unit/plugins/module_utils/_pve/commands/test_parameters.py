# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters that the API does not take are refused before anything is started."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
CHANGES = "(POST|PUT|DELETE) "


def wrong(module: str, /, *expected: str, **options: Any) -> None:
    """The command fails with these lines, and has started nothing, whether it acts or plans."""

    @in_virtual_time
    async def scenario() -> None:
        for check in (False, True):
            api = an_api()
            with pytest.raises(UsageError) as refused:
                await run_command(module, api, check=check, **options)
            headline, *lines = str(refused.value).splitlines()
            assert (
                headline
                == "The API of Proxmox VE 9.2.11 does not accept these parameters. Nothing was done"
            )
            assert tuple(lines) == expected
            assert not api.made(CHANGES)
            assert len(api.made("GET /version")) == 1

    scenario()


def test_an_operation_with_a_parameter_that_is_misspelt() -> None:
    wrong(
        "operation",
        "100: memroy: no such parameter; did you mean memory?",
        "100: cores: '0' is less than 1",
        operation="configure",
        guests=[100],
        params={"memroy": 512, "cores": 0},
    )


def test_a_problem_of_many_guests_is_told_once() -> None:
    wrong(
        "operation",
        "100, 9000: timeout: 'soon' is not an integer",
        operation="start",
        guests=[100, 9000],
        params={"timeout": "soon"},
    )


def test_an_operation_on_nodes_is_checked_too() -> None:
    wrong(
        "operation",
        "node pve1, node pve2: quite: no such parameter; did you mean quiet?",
        operation="update_packages",
        nodes=["pve1", "pve2"],
        params={"quite": True},
    )


def test_a_call_by_its_path_is_checked_where_its_parameters_are_known() -> None:
    wrong(
        "operation",
        "POST /cluster/bulk-action/guest/start: vms[1]: 'web' is not an integer",
        method="POST",
        path="/cluster/bulk-action/guest/start",
        params={"vms": [101, "web"]},
        allow_destructive=True,
    )


def test_a_clone_with_a_value_that_is_out_of_range() -> None:
    wrong(
        "clone",
        "web1: pool: 'a b' is not the name of a pool",
        "web1: bwlimit: '-1' is less than 0",
        source="tpl",
        name="web1",
        bwlimit=-1,
        pool="a b",
    )


def test_a_container_with_a_key_that_is_misspelt() -> None:
    wrong(
        "container",
        "ct1: memory: '8' is less than 16",
        "ct1: net0: brigde: no such key; did you mean bridge?",
        "ct1: onbot: no such parameter; did you mean onboot?",
        ostemplate=TEMPLATE,
        hostname="ct1",
        target_node="pve1",
        memory=8,
        net={"name": "eth0", "brigde": "vmbr0"},
        params={"onbot": 1},
    )


def test_a_fleet_is_refused_for_what_comes_after_the_creation_too() -> None:
    wrong(
        "fleet",
        "db1, web1, web2: net0: tagg: no such key; did you mean tag?",
        "db1: cpuu: no such parameter; did you mean cpu?",
        "web2: scsi0: cach: no such key; did you mean cache?",
        guests=[
            {"name": "web1", "source": "tpl"},
            {"name": "web2", "source": "tpl", "disks": {"scsi0": {"cach": "none"}}},
            {"name": "db1", "type": "qemu", "node": "pve1", "params": {"cpuu": "host"}},
        ],
        nics={"net0": "virtio,bridge=vmbr0,tagg=3"},
    )


@pytest.mark.parametrize(
    ("version", "warns"), [("9.2.12", True), ("10.0", True), ("8.4.1", True), ("9.1", False)]
)
def test_where_the_schema_is_of_another_version_there_is_a_warning(
    version: str, warns: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api, warned = an_api(), list[str]()
        api.disturb("GET /version", Answer({"version": version}))
        given: dict[str, Any] = {"operation": "start", "guests": [100], "params": {"newest": 1}}
        if not warns:
            with pytest.raises(UsageError):
                await run_command("operation", api, warned=warned, **given)
            return
        report = await run_command("operation", api, warned=warned, **given)
        assert (report.changed, report.problem) == (True, None)
        [warning] = warned
        assert warning.startswith("100: newest: no such parameter (by the API of Proxmox VE 9.2.11")
        assert warning.endswith(f"this cluster has {version})")

    scenario()


@in_virtual_time
async def test_a_version_that_cannot_be_read_is_the_own_one() -> None:
    api = an_api()
    api.disturb("GET /version", ApiError("GET /version", 403, "Forbidden"), count=None)
    with pytest.raises(UsageError, match="newest: no such parameter"):
        await run_command("operation", api, operation="start", guests=[100], params={"newest": 1})


@in_virtual_time
async def test_the_check_can_be_left_to_the_server() -> None:
    api = an_api()
    given: dict[str, Any] = {"operation": "start", "guests": [100], "params": {"newest": 1}}
    report = await run_command("operation", api, validate="server", **given)
    assert report.changed
    assert not api.made("GET /version")


@in_virtual_time
async def test_what_is_right_costs_no_request() -> None:
    api = FakeApi()
    api.cluster.add(100, name="app1")
    await run_command("operation", api, operation="start", guests=[100], params={"timeout": 30})
    assert not api.made("GET /version")
