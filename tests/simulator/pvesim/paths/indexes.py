# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of what there is below a path, which Proxmox VE gives for menus and for `pvesh ls`."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, Handler, call
from pvesim.schema import Schema
from pvesim.world import World

KEYS = {
    "/": "subdir",
    "/access": "subdir",
    "/access/openid": "subdir",
    "/cluster": "name",
    "/cluster/config": "name",
    "/cluster/firewall": "name",
    "/cluster/ha": "id",
    "/cluster/ha/status": "name",
    "/cluster/mapping": "name",
    "/cluster/notifications": "name",
    "/cluster/notifications/endpoints": "name",
    "/nodes/{node}": "name",
    "/nodes/{node}/apt": "id",
    "/nodes/{node}/capabilities": "name",
    "/nodes/{node}/capabilities/qemu": "name",
    "/nodes/{node}/certificates": "name",
    "/nodes/{node}/disks": "name",
    "/nodes/{node}/firewall": "name",
    "/nodes/{node}/lxc/{vmid}": "subdir",
    "/nodes/{node}/lxc/{vmid}/firewall": "name",
    "/nodes/{node}/qemu/{vmid}": "subdir",
    "/nodes/{node}/qemu/{vmid}/agent": "name",
    "/nodes/{node}/qemu/{vmid}/firewall": "name",
    "/nodes/{node}/storage/{storage}": "subdir",
}
"""Paths, and the field that holds the name of a child."""


def _index(template: str, key: str) -> Handler:
    async def index(_world: World, _call: Call) -> list[dict[str, Any]]:
        return [{key: name} for name in Schema.load().children(template)]

    return index


for _template, _key in KEYS.items():
    call("GET", _template)(_index(_template, _key))
