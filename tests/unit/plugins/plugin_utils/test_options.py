# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.plugin_utils._options import fill, is_said, operand
from ansible_collections.upid.proxmox.plugins.plugin_utils._plan import Planned

GUEST = Planned(
    "db",
    210,
    {
        "ci_user": "admin",
        "swap": 0,
        "onboot": False,
        "pool": None,
        "tags": [],
        "disk_gib": 20,
        "config_of_all": {"balloon": 0, "agent": 1},
        "config": {"agent": 0},
    },
)


def test_an_option_is_the_setting_that_the_table_names() -> None:
    table = {"ciuser": "ci_user", "hostname": "name", "vmid": "vmid"}
    assert fill(table, GUEST) == {"ciuser": "admin", "hostname": "db", "vmid": 210}


def test_what_is_not_said_is_left_out_and_zero_is_said() -> None:
    table = {one: one for one in ("swap", "onboot", "pool", "tags", "cores")}
    assert fill(table, GUEST) == {"swap": 0, "onboot": False}


def test_a_text_takes_settings_in_braces() -> None:
    assert fill({"size": "{disk_gib}G", "notes": "{name}: {disk_gib}"}, GUEST) == {
        "size": "20G",
        "notes": "db: 20",
    }


def test_a_text_about_something_that_is_not_said_is_left_out() -> None:
    assert fill({"notes": "{name} in {pool}"}, GUEST) == {}


def test_dictionaries_are_put_one_over_the_other() -> None:
    table = {"params": ["config_of_all", "config", "params"]}
    assert fill(table, GUEST) == {"params": {"balloon": 0, "agent": 0}}


def test_what_is_no_dictionary_cannot_be_put_over_one() -> None:
    with pytest.raises(UsageError, match="ci_user is not a dictionary"):
        fill({"params": ["config", "ci_user"]}, GUEST)


def test_a_guest_goes_by_its_vmid_and_without_one_by_its_name() -> None:
    params = {"ciuser": "ci_user"}
    assert operand(GUEST, params) == {"vmid": 210, "params": {"ciuser": "admin"}}
    assert operand(Planned("db"), params) == {"name": "db", "params": {}}


def test_further_parameters_are_put_over_those_of_the_table() -> None:
    found = operand(GUEST, {"agent": "disk_gib", "ciuser": "ci_user"}, ["config_of_all", "config"])
    assert found["params"] == {"agent": 0, "ciuser": "admin", "balloon": 0}


@pytest.mark.parametrize("value", [None, "", [], {}, ()])
def test_nothing_and_empty_say_nothing(value: object) -> None:
    assert not is_said(value)
