# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.filter.address_problems import FilterModule


def test_the_same_address_is_a_problem() -> None:
    address_problems = FilterModule().filters()["address_problems"]
    guests = [{"hostname": name, "net": "name=eth0,ip=192.0.2.31/24"} for name in ("a", "b")]
    assert address_problems(guests) == ["a, b have the same address 192.0.2.31"]
