# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._problems import (
    address_problems,
    unknown_names,
)


def vm(name: str, ipconfig: object) -> dict[str, Any]:
    return {"name": name, "params": {"memory": 512, "ipconfig0": ipconfig}}


def test_an_unknown_name_is_listed_with_the_nearest_known_one() -> None:
    known = ["provision_vms_count", "provision_vms_memory"]
    assert unknown_names(["provision_vms_cuont", "provision_vms_memory"], known) == [
        "provision_vms_cuont (did you mean provision_vms_count?)"
    ]


def test_a_name_that_is_like_no_other_stands_alone() -> None:
    assert unknown_names(["xyz"], ["provision_vms_count"]) == ["xyz"]


@pytest.mark.parametrize(
    "ipconfig",
    [
        "ip=dhcp,ip6=auto",
        "ip=192.0.2.11/24,gw=192.0.2.1,ip6=2001:db8::11/64,gw6=2001:db8::1",
        {"ip": "192.0.2.11/24", "gw": "192.0.2.1"},
        "ip=192.0.2.11/32,gw=203.0.113.1",
        "ip=192.0.2.10/31,gw=192.0.2.11",
        "ip6=2001:db8::11/64,gw6=fe80::1",
        "",
        None,
    ],
)
def test_a_valid_address_is_no_problem(ipconfig: object) -> None:
    assert address_problems([vm("web-01", ipconfig)]) == []


@pytest.mark.parametrize(
    ("ipconfig", "problem"),
    [
        ("ip=192.0.2.256/24", "'192.0.2.256/24' is not an IPv4 address with a prefix length"),
        ("ip=192.0.2.11", "'192.0.2.11' is not an IPv4 address with a prefix length"),
        ("ip=192.0.2.%d/24", "'192.0.2.%d/24' is not an IPv4 address"),
        ("ip6=192.0.2.11/24", "'192.0.2.11/24' is not an IPv6 address"),
        ("ip=192.0.2.0/24", "192.0.2.0/24 is the address of the network itself"),
        ("ip=192.0.2.255/24", "192.0.2.255/24 is the broadcast address of its network"),
        (
            "ip=192.0.2.11/24,gw=198.51.100.1",
            "192.0.2.11/24 is not in the network of its gateway 198.51.100.1",
        ),
        ("ip=192.0.2.1/24,gw=192.0.2.1", "192.0.2.1/24 is the address of its own gateway"),
        ("ip=192.0.2.1/24,gw=router", "gateway 'router' is not an address"),
    ],
)
def test_a_wrong_address_is_a_problem_of_its_guest(ipconfig: str, problem: str) -> None:
    [found] = address_problems([vm("web-01", "ip=dhcp"), vm("web-02", ipconfig)])
    assert found.startswith(f"web-02: {problem}")


def test_guests_with_the_same_address_are_named() -> None:
    guests = [vm("web-01", "ip=192.0.2.11/24"), vm("web-02", {"ip": "192.0.2.11/24"})]
    assert address_problems(guests) == ["web-01, web-02 have the same address 192.0.2.11"]


def test_every_interface_of_a_container_counts() -> None:
    guests: list[dict[str, Any]] = [
        {"hostname": "a", "net": ["name=eth0,ip=dhcp", "name=eth1,ip=192.0.2.11/24"]},
        {"vmid": 300, "net": "name=eth0,ip=192.0.2.12/24", "params": {"net1": "ip=192.0.2.11/24"}},
    ]
    assert address_problems(guests) == ["a, VMID 300 have the same address 192.0.2.11"]


def test_the_same_address_on_another_bridge_or_vlan_is_another_one() -> None:
    networks = ["bridge=vmbr0", "bridge=vmbr1", "bridge=vmbr0,tag=20"]
    guests = [{"hostname": n, "net": f"name=eth0,ip=192.0.2.11/24,{n}"} for n in networks]
    assert address_problems(guests) == []
