# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of nodes and of SDN: what is changed, what waits, what runs once it was applied."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.answer import success
from pvesim.calls import CALLS, Call, Caller
from pvesim.worldfile import checked
from pvesim.worldsave import saved

from .conftest import everything

BRIDGE = {"iface": "vmbr7", "type": "bridge", "cidr": "192.0.2.129/25", "autostart": 1}


async def interfaces(cell: Any) -> dict[str, dict[str, Any]]:
    """The interfaces of pve1, by name."""
    return {entry["iface"]: entry for entry in await cell.call("GET", "network")}


async def listing(cell: Any) -> str:
    """The list with what stands beside it."""
    path = "/nodes/{node}/network"
    caller = Caller("root@pam", None, everything)
    call = Call("GET", path, {"node": "pve1"}, caller, "pve1")
    return success(await CALLS["GET", path](cell.world, call), "json").body.decode()


async def test_a_new_bridge_can_be_used_once_it_was_applied(cell: Any) -> None:
    await cell.call("POST", "network", BRIDGE)
    made = (await interfaces(cell))["vmbr7"]
    assert (made["address"], made["method"], made["families"]) == (
        "192.0.2.129", "static", ["inet"],
    )  # fmt: skip
    assert "active" not in made
    assert "+auto vmbr7" in await listing(cell)
    await cell.done("POST", "qemu/100/config", {"net0": "virtio,bridge=vmbr7"})
    assert await cell.done("POST", "qemu/100/status/start") == "bridge 'vmbr7' does not exist"
    assert await cell.done("PUT", "network") == "OK"
    assert (await interfaces(cell))["vmbr7"]["active"] == 1
    assert '"changes"' not in await listing(cell)
    assert await cell.done("POST", "qemu/100/status/start") == "OK"


async def test_changes_are_reverted(cell: Any) -> None:
    before = await interfaces(cell)
    await cell.call("POST", "network", BRIDGE)
    await cell.call("PUT", "network/vmbr7", {"type": "bridge", "mtu": 9000})
    changed = (await interfaces(cell))["vmbr7"]
    assert (changed["mtu"], changed["method"]) == (9000, "static")
    await cell.call("DELETE", "network/eno1")
    assert set(await interfaces(cell)) == {*before, "vmbr7"} - {"eno1"}
    await cell.call("DELETE", "network")
    assert await interfaces(cell) == before


@pytest.mark.parametrize(
    ("method", "path", "given", "errors"),
    [
        ("POST", "network", {"iface": "vmbr0", "type": "bridge"},
         {"iface": "interface already exists"}),
        ("POST", "network", BRIDGE | {"gateway": "192.0.2.1"},
         {"gateway": "Default gateway already exists on interface 'vmbr0'."}),
        ("POST", "network", BRIDGE | {"address": "192.0.2.1"},
         {"address": "address conflicts with cidr"}),
        ("PUT", "network/vmbr9", {"type": "bridge"}, {"iface": "interface does not exist"}),
        ("DELETE", "network/vmbr9", {}, {"iface": "interface does not exist"}),
    ],
)  # fmt: skip
async def test_invalid_configurations_are_refused(
    cell: Any, method: str, path: str, given: Any, errors: dict[str, str]
) -> None:
    assert (await cell.refusal(method, path, given)).errors == errors


async def make(cell: Any) -> None:
    """A zone with a network and a subnet."""
    await cell.call("POST", "/cluster/sdn/zones", {"zone": "lab", "type": "simple"})
    await cell.call("POST", "/cluster/sdn/vnets", {"vnet": "labnet", "zone": "lab"})
    subnet = {"subnet": "10.1.0.0/24", "type": "subnet", "vnet": "labnet", "gateway": "10.1.0.1"}
    await cell.call("POST", "/cluster/sdn/vnets/labnet/subnets", subnet)


async def test_a_network_of_sdn_is_a_bridge_once_it_was_applied(cell: Any) -> None:
    await make(cell)
    (zone,) = await cell.call("GET", "/cluster/sdn/zones", {"pending": 1})
    assert (zone["zone"], zone["state"]) == ("lab", "new")
    assert await cell.call("GET", "/cluster/sdn/zones", {"running": 1}) == []
    assert await cell.call("GET", "sdn/zones") == []
    await cell.done("POST", "qemu/100/config", {"net0": "virtio,bridge=labnet"})
    assert await cell.done("POST", "qemu/100/status/start") == "bridge 'labnet' does not exist"
    assert await cell.done("PUT", "/cluster/sdn") == "OK"
    assert await cell.call("GET", "sdn/zones", node="pve3") == [
        {"zone": "lab", "status": "available"}
    ]
    (vnet,) = await cell.call("GET", "/cluster/sdn/vnets", {"pending": 1})
    assert "state" not in vnet
    (subnet,) = await cell.call("GET", "/cluster/sdn/vnets/labnet/subnets")
    assert (subnet["subnet"], subnet["cidr"]) == ("lab-10.1.0.0-24", "10.1.0.0/24")
    assert await cell.done("POST", "qemu/100/status/start") == "OK"


async def test_changes_of_sdn_are_pending_and_can_be_rolled_back(cell: Any) -> None:
    await make(cell)
    await cell.done("PUT", "/cluster/sdn")
    await cell.call("PUT", "/cluster/sdn/zones/lab", {"mtu": 1400})
    zone = await cell.call("GET", "/cluster/sdn/zones/lab", {"pending": 1})
    assert (zone["state"], zone["pending"]) == ("changed", {"mtu": 1400})
    await cell.call("DELETE", "/cluster/sdn/vnets/labnet/subnets/lab-10.1.0.0-24")
    await cell.call("DELETE", "/cluster/sdn/vnets/labnet")
    (vnet,) = await cell.call("GET", "/cluster/sdn/vnets", {"pending": 1})
    assert vnet["state"] == "deleted"
    await cell.call("POST", "/cluster/sdn/rollback")
    (vnet,) = await cell.call("GET", "/cluster/sdn/vnets", {"pending": 1})
    assert "state" not in vnet
    assert "mtu" not in await cell.call("GET", "/cluster/sdn/zones/lab")


async def test_volumes_in_use_are_kept(cell: Any) -> None:
    await make(cell)
    texts = [
        (await cell.refusal("POST", "/cluster/sdn/zones", {"zone": "lab", "type": "vlan"})).message,
        (await cell.refusal("DELETE", "/cluster/sdn/zones/lab")).message,
        (await cell.refusal("DELETE", "/cluster/sdn/vnets/labnet")).message,
        (await cell.refusal("DELETE", "/cluster/sdn/vnets/other")).message,
    ]
    assert texts == [
        "create sdn zone object failed: sdn zone object ID 'lab' already defined",
        "delete sdn zone object failed: zone lab is used by vnet labnet",
        "delete sdn vnet object failed: vnet labnet is used by subnets exist",
        "delete sdn vnet object failed: sdn 'other' does not exist",
    ]


async def test_networks_are_in_the_saved_world(cell: Any) -> None:
    await make(cell)
    await cell.done("PUT", "/cluster/sdn")
    await cell.call("POST", "/cluster/sdn/zones", {"zone": "more", "type": "simple"})
    await cell.call("POST", "network", BRIDGE)
    paths = ("network", "/cluster/sdn/zones", "/cluster/sdn/vnets", "sdn/zones")
    before = [await cell.call("GET", path) for path in paths]
    cell.world.begin_anew(checked(saved(cell.world)))
    assert before == [await cell.call("GET", path) for path in paths]
