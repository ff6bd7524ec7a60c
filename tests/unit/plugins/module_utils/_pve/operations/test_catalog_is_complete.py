# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue beside the facts about Proxmox VE: every call that starts a task, and its types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import (
    OPERATIONS,
    Call,
    Operation,
)

TESTS = next(parent for parent in Path(__file__).parents if parent.name == "tests")
FACTS = yaml.safe_load((TESTS / "unit/simulator/data/upid_endpoints.yml").read_text())
TASK_TYPES = yaml.safe_load((TESTS / "unit/data/task_types.yml").read_text())
ENDPOINTS: dict[tuple[str, str], dict[str, Any]] = {
    (one["method"], one["path"]): one for one in FACTS
}
CALLS = [
    pytest.param(operation, call, id=f"{operation.name}-{kind}")
    for operation in OPERATIONS.values()
    for kind, call in operation.calls.items()
]
CONSOLE = "a console: its task lasts as long as somebody looks at it"
TUNNEL = "the other end of a migration between clusters, which Proxmox VE calls itself"
JOINING = "restarts the API that it is asked of, once in the life of a node"
LEFT_OUT = {
    "/nodes/{node}/qemu/{vmid}/vncproxy": CONSOLE,
    "/nodes/{node}/qemu/{vmid}/termproxy": CONSOLE,
    "/nodes/{node}/lxc/{vmid}/vncproxy": CONSOLE,
    "/nodes/{node}/lxc/{vmid}/termproxy": CONSOLE,
    "/nodes/{node}/lxc/{vmid}/spiceproxy": CONSOLE,
    "/nodes/{node}/vncshell": CONSOLE,
    "/nodes/{node}/termproxy": CONSOLE,
    "/nodes/{node}/spiceshell": CONSOLE,
    "/nodes/{node}/qemu/{vmid}/mtunnel": TUNNEL,
    "/nodes/{node}/lxc/{vmid}/mtunnel": TUNNEL,
    "/cluster/config": JOINING,
    "/cluster/config/join": JOINING,
    "/nodes/{node}/storage/{storage}/file-restore/download": "a stream of bytes, no UPID",
    "/nodes/{node}/storage/{storage}/upload": "a form with a file in it, no parameters alone;"
    " download_url fetches one",
}


def test_every_call_that_starts_a_task_is_in_the_catalogue_or_left_out_for_a_reason() -> None:
    there = {(call.method, call.path) for one in OPERATIONS.values() for call in one.calls.values()}
    missing = [endpoint for endpoint in ENDPOINTS if endpoint not in there]
    assert sorted(path for _method, path in missing) == sorted(LEFT_OUT)


@pytest.mark.parametrize(("operation", "call"), CALLS)
def test_a_call_answers_what_it_really_answers(operation: Operation, call: Call) -> None:
    endpoint = ENDPOINTS.get((call.method, call.path))
    if endpoint is None:
        assert (call.task_type, call.returns) == ("", "null"), "it starts no task"
        return
    assert call.returns == endpoint["returns"], operation.name
    assert call.task_type in endpoint["types"]


def test_every_type_of_task_of_every_call_has_an_operation() -> None:
    """One call may start several types: each is an operation of its own."""
    there: dict[tuple[str, str], set[str]] = {}
    for operation in OPERATIONS.values():
        for call in operation.calls.values():
            there.setdefault((call.method, call.path), set()).add(call.task_type)
    for endpoint, types in there.items():
        if endpoint in ENDPOINTS:
            assert types == set(ENDPOINTS[endpoint]["types"]), endpoint


@pytest.mark.parametrize(("operation", "call"), CALLS)
def test_the_names_in_a_path_are_those_of_the_facts(operation: Operation, call: Call) -> None:
    endpoint = ENDPOINTS.get((call.method, call.path))
    if endpoint is not None:
        assert list(call.path_names) == endpoint["path_params"], operation.name


# What the facts call dangerous and we do not, and why.
HARMLESS = {
    "move_disk": "with delete the source goes only once all of it has been copied",
    "copy_volume": "dangerous is its type for an upload, which may overwrite a file",
    "migrate": "the copies that go are those of a guest that has arrived",
    "migrate_all": "the copies that go are those of guests that have arrived",
    "bulk_migrate": "the copies that go are those of guests that have arrived",
    "apply_network": "a connection may be cut, data is not lost",
    "service_reload": "dangerous is its type for the network, which is apply_network",
    "apply_sdn": "a connection may be cut, data is not lost",
}


def test_what_endangers_data_by_the_facts_is_destructive_or_excused() -> None:
    dangerous = {one["type"] for one in TASK_TYPES if one.get("endangers")}
    for operation in OPERATIONS.values():
        by_facts = bool(dangerous & set(operation.task_types))
        by_us = operation.destructive or bool(operation.destructive_when)
        if operation.name in HARMLESS:
            assert (by_facts, by_us) == (True, False), operation.name
        elif by_facts:
            assert by_us, operation.name


def test_the_timeouts_and_titles_are_those_of_the_types_of_tasks() -> None:
    for operation in OPERATIONS.values():
        for name in operation.task_types:
            assert name in {one["type"] for one in TASK_TYPES}
        assert operation.wait_timeout >= 300
