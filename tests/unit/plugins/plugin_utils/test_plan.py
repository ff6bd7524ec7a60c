# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.plugin_utils._plan import (
    Planned,
    Series,
    number,
    number_or_none,
    plan,
    with_number,
)


def names(guests: list[Planned]) -> list[str]:
    return [guest.name for guest in guests]


def test_nothing_wanted_is_nothing_planned() -> None:
    assert plan([], Series(), {"memory": 512}, {"ipconfig": 11}) == []


def test_a_series_counts_names_and_vmids() -> None:
    guests = plan([], Series(count=3, pattern="web-%02d", first=9, vmid_start=201), {}, {})
    assert [(guest.name, guest.vmid) for guest in guests] == [
        ("web-09", 201),
        ("web-10", 202),
        ("web-11", 203),
    ]


def test_without_a_first_vmid_the_vmids_are_open() -> None:
    assert [one.vmid for one in plan([], Series(count=2), {}, {})] == [None, None]


def test_a_pattern_without_a_place_names_a_single_guest() -> None:
    assert names(plan([], Series(count=1, pattern="web"), {}, {})) == ["web"]


def test_a_name_that_comes_twice_is_planned_twice_for_the_module_to_refuse() -> None:
    assert names(plan([], Series(count=2, pattern="web"), {}, {})) == ["web", "web"]
    assert names(plan([{"name": "a", "vmid": 201}, {"hostname": "a"}], Series(), {}, {})) == [
        "a",
        "a",
    ]


@pytest.mark.parametrize("guest", [{}, {"name": None}, {"name": "", "vmid": 201}])
def test_a_guest_without_a_name_is_refused(guest: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="neither a name nor a hostname"):
        plan([guest], Series(), {}, {})


def test_the_guests_of_the_list_come_before_the_series() -> None:
    listed = [{"name": "db"}, {"hostname": "dns"}]
    assert names(plan(listed, Series(count=1, pattern="web-%d"), {}, {})) == ["db", "dns", "web-1"]


def test_what_a_guest_says_counts_more_and_null_says_nothing() -> None:
    [guest] = plan(
        [{"name": "db", "vmid": "210", "memory": 4096, "cores": None, "tags": []}],
        Series(),
        {"memory": 512, "cores": 2, "tags": ["all"], "pool": None},
        {},
    )
    assert guest == Planned("db", 210, {"memory": 4096, "cores": 2, "tags": [], "pool": None})


def test_a_numbered_setting_counts_from_its_own_start_or_that_of_the_series() -> None:
    settings = {"ipconfig": "ip=192.0.2.%d/24", "net": ["ip=198.51.100.%d/24", "ip=dhcp"]}
    guests = plan([], Series(count=2, first=5), settings, {"ipconfig": 11, "net": None})
    assert [guest.settings for guest in guests] == [
        {"ipconfig": "ip=192.0.2.11/24", "net": ["ip=198.51.100.5/24", "ip=dhcp"]},
        {"ipconfig": "ip=192.0.2.12/24", "net": ["ip=198.51.100.6/24", "ip=dhcp"]},
    ]


def test_a_numbered_setting_of_a_guest_itself_is_taken_as_it_is() -> None:
    guests = plan(
        [{"name": "a", "ipconfig": "ip=%d"}, {"name": "b"}],
        Series(),
        {"ipconfig": "ip=%d"},
        {"ipconfig": 7},
    )
    assert [guest.settings["ipconfig"] for guest in guests] == ["ip=%d", "ip=8"]


@pytest.mark.parametrize("value", [None, "", "ip=dhcp", 7, {"ip": "%d"}])
def test_what_has_no_place_for_a_number_stays(value: object) -> None:
    assert with_number(value, 3) == value


@pytest.mark.parametrize("pattern", ["100%", "%d-%d", "web-%s-%(x)s"])
def test_a_pattern_that_does_not_take_one_number_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"no place for one number"):
        with_number(pattern, 3)


def test_numbers_come_as_texts_from_the_command_line() -> None:
    assert number("12", "count") == 12
    assert (number_or_none("", "vmid_start"), number_or_none(None, "vmid_start")) == (None, None)
    with pytest.raises(UsageError, match="count: 'many' is no whole number"):
        number("many", "count")


def test_a_plan_survives_being_plain_values() -> None:
    guest = Planned("db", 210, {"memory": 4096})
    assert Planned.from_values(guest.as_values()) == guest


def test_what_has_no_name_is_not_planned() -> None:
    with pytest.raises(UsageError, match="has no name"):
        Planned.from_values({"vmid": 201, "settings": {}})


@pytest.mark.parametrize("keys", [[None], ["ssh-ed25519 AAAA", ""]])
def test_an_empty_item_of_a_list_is_an_error_that_names_guest_and_setting(keys: list[Any]) -> None:
    with pytest.raises(UsageError, match="ssh_public_keys of web has an empty item"):
        plan([{"name": "web"}], Series(), {"ssh_public_keys": keys}, {})
