# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The integration target ``every_operation`` has a case for each operation of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS

FILES = Path(__file__).parents[1] / "integration/targets/every_operation/files"
KNOWN = {"guests", "once", "nodes", "storage", "params", "effect", "again", "refuse"}
CATEGORIES = {operation.category.replace(" ", "_") for operation in OPERATIONS.values()}


def cases_of(category: str) -> Mapping[str, Mapping[str, Any]]:
    """The cases of one file by the name of the operation."""
    read = yaml.safe_load((FILES / f"cases/{category}.yml").read_text(encoding="utf-8"))
    assert list(read) == [f"cases_{category}"]
    cases: Mapping[str, Mapping[str, Any]] = read[f"cases_{category}"]
    return cases


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_every_operation_of_a_category_has_a_case(category: str) -> None:
    names = {name for name, one in OPERATIONS.items() if one.category.replace(" ", "_") == category}
    cases = cases_of(category)
    assert set(cases) == names
    for name, case in cases.items():
        assert set(case) <= KNOWN, name
        assert "refuse" not in case or "says" in case["refuse"], name


def test_every_category_is_run() -> None:
    inventory = yaml.safe_load((FILES / "inventory.yml").read_text(encoding="utf-8"))
    hosts = inventory["all"]["hosts"].values()
    run = [category for host in hosts for category in host["categories"]]
    assert sorted(run) == sorted(CATEGORIES)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_shows_its_effect_is_unchanged_when_run_again(name: str) -> None:
    """And what does not says in the case what happens instead."""
    operation = OPERATIONS[name]
    case = cases_of(operation.category.replace(" ", "_"))[name]
    if operation.done is not None:
        assert case.get("again", "unchanged") == "unchanged"
    elif operation.name not in ("create_vm", "create_container"):
        assert case.get("again", "unchanged") != "unchanged"


def test_cases_do_not_share_guests() -> None:
    """Each operation runs on what no other one touches, so that their order does not count."""
    seen: dict[int, str] = {}
    for category in CATEGORIES:
        for name, case in cases_of(category).items():
            for guest in (*case.get("guests", ()), *case.get("once", ())):
                vmid = guest["vmid"] if isinstance(guest, dict) else guest
                assert seen.setdefault(vmid, name) == name
