# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the server as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pvesim.certificates import Authority
from pvesim.listener import Address
from pvesim.server import Server
from pvesim.world import World

CI = "PVEAPIToken=ansible@pve!ci=00000000-0000-4000-8000-000000000002"


def test_more_addresses_than_nodes_are_an_error(tmp_path: Path) -> None:
    addresses = [Address("127.0.0.1", 0)] * 4
    with pytest.raises(ValueError, match="4 addresses are too many for 3 nodes"):
        Server(World.load(), Authority(tmp_path), addresses)


def test_a_known_path_without_an_implementation_is_501(simulator: Any) -> None:
    answer = simulator.request("GET", "/nodes/pve1/ceph/crush")
    assert (answer.status_code, answer.reason) == (
        501, "Method 'GET /nodes/{node}/ceph/crush' is not simulated",
    )  # fmt: skip


def test_a_call_that_requires_a_ticket_refuses_a_token(simulator: Any) -> None:
    form = {"userid": "ansible@pve", "password": "new-password"}
    answer = simulator.request("PUT", "/access/password", form, auth=CI)
    assert answer.status_code == 403
    assert answer.reason == (
        "Permission check failed (URI '/access/password' not available with API token, "
        "need proper ticket."
    )


def test_permission_comes_before_parameters_and_the_way_to_the_node(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/pvedaemon/down")
    simulator.world.acl.clear()
    path = "/nodes/pve2/qemu/101/clone"
    assert simulator.request("POST", path, {"newid": "x"}, auth=CI).status_code == 403
    assert simulator.request("POST", path, {"newid": "x"}).status_code == 595
    simulator.admin("POST", "nodes/pve2/pvedaemon/up")
    assert simulator.request("POST", path, {"newid": "x"}).status_code == 400
