# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.upid.proxmox.plugins.filter.plan_guests import FilterModule

plan_guests = FilterModule().filters()["plan_guests"]


def test_nothing_wanted_is_an_empty_plan() -> None:
    assert plan_guests([]) == []


def test_a_plan_has_settings_and_what_a_module_is_told() -> None:
    assert plan_guests(
        [{"hostname": "db", "vmid": 210, "memory": 4096}],
        settings={"memory": 512, "storage": "ceph", "pool": None},
        options={"hostname": "name", "vmid": "vmid", "storage": "storage", "pool": "pool"},
    ) == [
        {
            "name": "db",
            "vmid": 210,
            "settings": {"memory": 4096, "storage": "ceph", "pool": None},
            "options": {"hostname": "db", "vmid": 210, "storage": "ceph"},
        }
    ]


def test_a_series_comes_with_numbers_as_texts() -> None:
    guests = plan_guests(
        [],
        count="2",
        name_pattern="web-%d",
        first="8",
        vmid_start="201",
        settings={"ipconfig": "ip=192.0.2.%d/24"},
        numbered={"ipconfig": "11"},
    )
    assert [(one["name"], one["vmid"], one["settings"]["ipconfig"]) for one in guests] == [
        ("web-8", 201, "ip=192.0.2.11/24"),
        ("web-9", 202, "ip=192.0.2.12/24"),
    ]


@pytest.mark.parametrize(
    ("guests", "series", "message"),
    [
        ([{"vmid": 201}], {}, "neither a name nor a hostname"),
        ([], {"count": "many"}, "count: 'many' is no whole number"),
        ([], {"count": 1, "name_pattern": "50%"}, "'50%' has no place for one number"),
    ],
)
def test_what_cannot_be_planned_is_an_error_that_says_so(
    guests: list[Any], series: dict[str, Any], message: str
) -> None:
    with pytest.raises(AnsibleFilterError, match=f"plan_guests: .*{message}"):
        plan_guests(guests, **series)
