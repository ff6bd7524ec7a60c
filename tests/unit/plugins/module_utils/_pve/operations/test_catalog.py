# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.config import config_params
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import (
    OPERATIONS,
    Call,
    Operation,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.types import TASK_TYPES

TESTS = next(parent for parent in Path(__file__).parents if parent.name == "tests")
SCHEMA = json.loads((TESTS / "simulator/pvesim/data/api-schema.json").read_text())["paths"]
CALLS = [
    pytest.param(guest_type, call, id=f"{operation.name}-{guest_type}")
    for operation in OPERATIONS.values()
    for guest_type, call in operation.calls.items()
]


def method_of(call: Call) -> dict[str, Any]:
    """What the API's own schema says about a call."""
    found: dict[str, Any] = SCHEMA[call.path][call.method]
    return found


@pytest.mark.parametrize(("guest_type", "call"), CALLS)
def test_the_api_declares_what_the_call_returns(guest_type: str, call: Call) -> None:
    expected = "string" if call.returns.startswith("upid") else "null"
    assert method_of(call)["returns"]["type"] == expected, guest_type


@pytest.mark.parametrize(("guest_type", "call"), CALLS)
def test_a_call_that_starts_a_task_names_its_type(guest_type: str, call: Call) -> None:
    assert (call.task_type in TASK_TYPES) == (call.returns != "null"), guest_type


@pytest.mark.parametrize(
    "operation", [pytest.param(one, id=one.name) for one in OPERATIONS.values()]
)
def test_what_compares_has_a_digest_to_send(operation: Operation) -> None:
    if operation.compares:
        for call in operation.calls.values():
            assert "digest" in method_of(call)["parameters"]


@pytest.mark.parametrize(
    "operation", [pytest.param(one, id=one.name) for one in OPERATIONS.values()]
)
def test_an_operation_is_for_one_sort_of_subject(operation: Operation) -> None:
    kinds = set(operation.calls)
    assert kinds <= {"qemu", "lxc"} or kinds in ({"node"}, {"storage"}, {"cluster"})
    assert bool(operation.only) == (kinds in ({"qemu"}, {"lxc"})), "it says what is instead"
    assert operation.privileges
    for part in operation.privileges.split("; "):
        assert " on /" in part or part == "root@pam with a password", "a privilege and its path"
    assert re.search(r" (of|on|to|from|in|for)$|:$", operation.title) is None, (
        "it ends a plan's line"
    )


@pytest.mark.parametrize(("kind", "call"), CALLS)
def test_what_an_operation_says_about_parameters_is_true(kind: str, call: Call) -> None:
    """Each name that is fixed, required, left out or renamed is one that the API knows."""
    names = {re.sub(r"\[n\]$", "", name) for name in method_of(call)["parameters"]}
    said = {*call.fixed, *call.requires, *call.excludes, *call.renames.values()}
    assert said <= names, kind
    assert call.vmid is None or (call.vmid in names and "vmid" not in call.path_names)
    ids = re.findall(r"{([^}:]+)", call.task_id or "")
    assert set(ids) <= names


def test_an_operation_is_found_by_its_own_name() -> None:
    assert [operation.name for operation in OPERATIONS.values()] == list(OPERATIONS)


@pytest.mark.parametrize("name", ["stop", "template", "delete"])
def test_what_loses_data_is_destructive_without_parameters(name: str) -> None:
    assert OPERATIONS[name].is_destructive({})


@pytest.mark.parametrize("name", ["start", "shutdown", "reboot", "configure", "resize"])
def test_what_loses_no_data_is_not_destructive_without_parameters(name: str) -> None:
    assert not OPERATIONS[name].is_destructive({})


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("shutdown", {"forceStop": True}),
        ("shutdown", {"forceStop": "1"}),
        ("shutdown", {"forceStop": 1, "timeout": 60}),
        ("configure", {"delete": "scsi1", "force": "yes"}),
        ("configure", {"delete": "unused0"}),
        ("configure", {"delete": ["cores", "unused12"]}),
    ],
)
def test_a_parameter_can_make_an_operation_destructive(name: str, params: dict[str, Any]) -> None:
    assert OPERATIONS[name].is_destructive(params)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("shutdown", {"forceStop": False}),
        ("shutdown", {"forceStop": 0}),
        ("shutdown", {"timeout": 1}),
        ("configure", {"delete": "scsi1"}),
        ("configure", {"cores": 1, "force": "0"}),
        ("configure", {"description": "unused0"}),
    ],
)
def test_other_parameters_and_values_do_not(name: str, params: dict[str, Any]) -> None:
    assert not OPERATIONS[name].is_destructive(params)


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("bulk_start", {"vms": [101, 102]}, {"vms": [101, 102]}),
        ("start_all", {"vms": [101, 102]}, {"vms": "101,102"}),
        (
            "backup",
            {"exclude-path": ["/tmp/?*", "/var/log"]},
            {"exclude-path": ["/tmp/?*", "/var/log"]},
        ),
    ],
)
def test_a_list_is_sent_as_the_call_takes_it(
    name: str, params: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Item by item where the schema has an array, as one text elsewhere."""
    [*_others, call] = OPERATIONS[name].calls.values()
    request = call.request({"node": "pve1", "vmid": 100}, config_params(params, "qemu"))
    assert request.params | expected == request.params
