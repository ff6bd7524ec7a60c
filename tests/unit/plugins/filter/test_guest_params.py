# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.upid.proxmox.plugins.filter.guest_params import FilterModule

guest_params = FilterModule().filters()["guest_params"]

GUESTS = [
    {"name": "a", "vmid": 201, "settings": {"memory": 512, "config": {"agent": 1}}},
    {"name": "b", "vmid": None, "settings": {"memory": 1024}},
    {"name": "c", "vmid": 203, "settings": {"memory": None, "config": {}}},
]


def test_each_guest_gets_its_parameters_and_one_without_any_is_left_out() -> None:
    assert guest_params(GUESTS, {"memory": "memory"}, ["config"]) == [
        {"vmid": 201, "params": {"memory": 512, "agent": 1}},
        {"name": "b", "params": {"memory": 1024}},
    ]


def test_no_guests_get_no_parameters() -> None:
    assert guest_params([], {"memory": "memory"}) == []


def test_what_is_no_guest_is_an_error_that_tells_no_secrets() -> None:
    secretive = {"vmid": 201, "settings": {"ci_password": "secret"}}
    with pytest.raises(AnsibleFilterError) as caught:
        guest_params([secretive], {"memory": "memory"})
    assert str(caught.value) == "guest_params: a guest has no name, but vmid, settings"
