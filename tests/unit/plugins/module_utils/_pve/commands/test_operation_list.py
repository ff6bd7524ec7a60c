# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation=list, and what is said of the operations in the documentation of the module."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.operation import (
    LIST,
    listed,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import (
    OPERATIONS,
)
from ansible_collections.upid.proxmox.plugins.modules import operation


def entry(name: str) -> dict[str, Any]:
    report = listed({"operation": LIST})
    assert report is not None
    [found] = [one for one in report.values["operations"] if one["name"] == name]
    return dict(found)


def test_the_list_has_every_operation() -> None:
    report = listed({"operation": LIST})
    assert report is not None
    assert [one["name"] for one in report.values["operations"]] == list(OPERATIONS)
    assert not report.changed


def test_nothing_else_is_a_list() -> None:
    assert listed({"operation": "start"}) is None
    assert listed({"operation": None}) is None


@pytest.mark.parametrize(
    ("name", "about", "required", "destructive"),
    [
        ("start", "VMs and containers", [], "never"),
        ("snapshot", "VMs and containers", ["snapname"], "never"),
        ("move_disk", "VMs and containers", ["disk", "storage"], "never"),
        ("restore", "VMs and containers", ["archive"], "with force"),
        ("delete", "VMs and containers", [], "always"),
        ("reset", "VMs", [], "always"),
        ("service_start", "nodes", ["service"], "never"),
        ("download_url", "a storage", ["content", "filename", "url"], "never"),
        ("sync_realm", "the cluster", ["realm"], "with remove-vanished, purge"),
    ],
)
def test_an_entry_says_what_there_is_to_know(
    name: str, about: str, required: list[str], destructive: str
) -> None:
    one = entry(name)
    assert one["about"] == about
    assert one["required"] == required
    assert one["destructive"] == destructive
    assert one["privileges"]


def test_the_choices_are_those_of_the_catalogue() -> None:
    """Run tests/tools/shared_docs.py after a change of the catalogue."""
    documented = yaml.safe_load(operation.DOCUMENTATION)["options"]["operation"]
    spec: dict[str, Any] = dict(operation.ARGUMENT_SPEC)
    assert documented["choices"] == spec["operation"]["choices"]
    assert documented["choices"] == [LIST, *OPERATIONS]


def test_each_operation_is_documented() -> None:
    documented = yaml.safe_load(operation.DOCUMENTATION)["options"]["operation"]["description"]
    table = [line for line in documented if " is for " in line]
    assert [line.split(")")[0][2:] for line in table] == list(OPERATIONS)
