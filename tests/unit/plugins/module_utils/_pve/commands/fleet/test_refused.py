# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be meant, or cannot be right, is refused before anything starts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.tests.unit.cloning import OS_TEMPLATE, an_api, fleet
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"guests": [{"name": "a", "state": "absent"}]}, "allow_destructive"),
        ({"guests": [{"name": "a"}], "exact": True, "selector": {"tag": "x"}}, "allow_destructive"),
        ({"guests": [{"name": "a"}], "exact": True, "allow_destructive": True}, "selector"),
        ({"guests": [{"name": "a"}, {"name": "a"}]}, "listed more than once"),
        ({"guests": [{"name": "a", "ssh_public_keys": [None]}]}, "ssh_public_keys.* empty item"),
        ({"count": 2, "name_pattern": "web"}, "placeholder for a number"),
        ({"count": 1, "name_pattern": "web-%s-%d"}, "one placeholder for a number"),
        ({"guests": [{"name": "a", "type": "lxc"}]}, "OS template"),
        ({"guests": [{"name": "a", "source": "x", "ostemplate": "y"}]}, "set only one of them"),
        ({"guests": [{"name": "a", "nics": {"scsi0": 3}}]}, "nics"),
        ({"guests": [{"name": "a", "disks": {"scsi0": "big"}}]}, "number of GiB"),
        ({"guests": [{"name": "a", "config": {"scsi0": "b:1"}, "disks": {"scsi0": 3}}]}, "as well"),
    ],
)
@in_virtual_time
async def test_invalid_requests_are_refused_before_anything_starts(
    options: dict[str, Any], words: str
) -> None:
    api = an_api()
    with pytest.raises(UsageError, match=words):
        await fleet(api, **options)
    assert api.made("(POST|PUT|DELETE) .*") == []


@pytest.mark.parametrize(
    ("ipconfig", "problem"),
    [
        ("ip=192.0.2.256/24", "'192.0.2.256/24' is not an IPv4 address with a prefix length"),
        ("ip=192.0.2.11", "'192.0.2.11' is not an IPv4 address with a prefix length"),
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
@in_virtual_time
async def test_a_wrong_address_is_refused_before_anything_starts(
    ipconfig: str, problem: str
) -> None:
    api = an_api()
    guests = [{"name": "web1", "ipconfig": "ip=dhcp"}, {"name": "web2", "ipconfig": ipconfig}]
    with pytest.raises(UsageError, match=re.escape(f"web2: {problem}")):
        await fleet(api, source="tpl", guests=guests)
    assert api.calls == []


@pytest.mark.parametrize(
    "ipconfig",
    [
        "ip=dhcp,ip6=auto",
        "ip=192.0.2.11/24,gw=192.0.2.1,ip6=2001:db8::11/64,gw6=2001:db8::1",
        "ip=192.0.2.11/32,gw=203.0.113.1",
        "ip=192.0.2.10/31,gw=192.0.2.11",
        "ip6=2001:db8::11/64,gw6=fe80::1",
    ],
)
@in_virtual_time
async def test_a_right_address_is_no_problem(ipconfig: str) -> None:
    guests = [{"name": "web1", "ipconfig": ipconfig}]
    report = await fleet(an_api(), check=True, source="tpl", guests=guests)
    assert report.problem is None, report.problem


def nic(**properties: object) -> dict[str, object]:
    return {"name": "eth0", "bridge": "vmbr0", "ip": "192.0.2.11/24", **properties}


@in_virtual_time
async def test_an_address_that_comes_twice_is_refused_before_anything_starts() -> None:
    api = an_api()
    guests: list[dict[str, Any]] = [
        {"name": "a", "nics": {"net0": "name=eth0,ip=dhcp", "net1": nic()}},
        {"name": "b", "nics": {"net0": nic(bridge="vmbr1")}},
        {"name": "c", "nics": {"net0": nic(tag=20)}},
        {"name": "d", "nics": {"net0": nic()}, "state": "absent"},
        {"name": "e", "params": {"net1": "name=eth1,bridge=vmbr0,ip=192.0.2.11/24"}},
    ]
    common = {"ostemplate": OS_TEMPLATE, "node": "pve1", "allow_destructive": True}
    with pytest.raises(UsageError, match=r"a, e have the same address 192\.0\.2\.11"):
        await fleet(api, guests=guests, **common)
    assert api.calls == []


@in_virtual_time
async def test_a_guest_that_two_members_stand_for_is_refused() -> None:
    api = an_api()
    api.cluster.add(201, name="web1")
    guests: list[dict[str, Any]] = [{"name": "web1"}, {"vmid": 201, "state": "absent"}]
    with pytest.raises(UsageError, match="listed more than once"):
        await fleet(api, guests=guests, allow_destructive=True)
    assert 201 in api.cluster.guests
    assert api.made("(POST|PUT|DELETE) .*") == []
