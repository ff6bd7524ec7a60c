# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths find their templates, parameters their schemas."""

from __future__ import annotations

import pytest
from pvesim.schema import Schema

SCHEMA = Schema.load()


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/version", "/version"),
        ("GET", "//version/", "/version"),
        ("POST", "/nodes/pve1/qemu/9000/clone", "/nodes/{node}/qemu/{vmid}/clone"),
        ("GET", "/nodes/pve1/tasks/UPID:a:b:", "/nodes/{node}/tasks/{upid}"),
        ("GET", "/cluster/sdn/fabrics/all", "/cluster/sdn/fabrics/all"),
    ],
)
def test_a_path_finds_its_template(method: str, path: str, template: str) -> None:
    found = SCHEMA.find(method, path)
    assert found is not None
    assert found.method.template == template


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nosuch"), ("PUT", "/version"), ("POST", "/nodes/pve1/lxc/200/config")],
)
def test_unknown_paths_are_not_found(method: str, path: str) -> None:
    assert SCHEMA.find(method, path) is None


def test_the_parts_of_a_path_become_parameters() -> None:
    found = SCHEMA.find("GET", "/nodes/pve1/qemu/100/config")
    assert found is not None
    assert found.path_params == {"node": "pve1", "vmid": "100"}


def test_a_path_can_end_with_a_volume_with_slashes() -> None:
    found = SCHEMA.find("GET", "/nodes/n/storage/local/content/local:vztmpl/x.tar.zst")
    assert found is not None
    assert found.path_params["volume"] == "local:vztmpl/x.tar.zst"
    assert SCHEMA.find("DELETE", "/nodes/n/tasks/UPID:a/b:") is None
    found = SCHEMA.find("DELETE", "/cluster/firewall/ipset/lan/10.2.0.0/16")
    assert found is not None
    assert found.path_params == {"name": "lan", "cidr": "10.2.0.0/16"}


def test_indexed_parameters_have_one_schema_and_an_end() -> None:
    found = SCHEMA.find("POST", "/nodes/pve1/qemu")
    assert found is not None
    method = found.method
    assert method.parameter("net3") is method.parameters["net[n]"]
    assert [method.parameter(name) for name in ("net32", "net01", "net")] == [None, None, None]


def test_calls_through_pvedaemon_and_to_other_nodes_are_marked() -> None:
    clone = SCHEMA.find("POST", "/nodes/pve1/qemu/9000/clone")
    tasks = SCHEMA.find("GET", "/nodes/pve1/tasks")
    assert clone is not None
    assert tasks is not None
    assert (clone.method.protected, tasks.method.protected) == (True, False)
    assert (clone.method.proxyto, tasks.method.proxyto) == ("node", "node")
