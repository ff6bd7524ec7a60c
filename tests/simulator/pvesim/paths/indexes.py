# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the children of a path, which Proxmox VE gives for menus and for `pvesh ls`."""

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
    "/cluster/acme": "name",
    "/cluster/bulk-action": "name",
    "/cluster/bulk-action/guest": "name",
    "/cluster/config": "name",
    "/cluster/firewall": "name",
    "/cluster/ha": "id",
    "/cluster/ha/status": "name",
    "/cluster/jobs": "subdir",
    "/cluster/mapping": "name",
    "/cluster/notifications": "name",
    "/cluster/notifications/endpoints": "name",
    "/cluster/sdn": "id",
    "/cluster/sdn/fabrics": "subdir",
    "/nodes/{node}": "name",
    "/nodes/{node}/apt": "id",
    "/nodes/{node}/capabilities": "name",
    "/nodes/{node}/capabilities/qemu": "name",
    "/nodes/{node}/ceph": "name",
    "/nodes/{node}/certificates": "name",
    "/nodes/{node}/certificates/acme": "name",
    "/nodes/{node}/disks": "name",
    "/nodes/{node}/firewall": "name",
    "/nodes/{node}/lxc/{vmid}": "subdir",
    "/nodes/{node}/lxc/{vmid}/firewall": "name",
    "/nodes/{node}/qemu/{vmid}": "subdir",
    "/nodes/{node}/qemu/{vmid}/agent": "name",
    "/nodes/{node}/qemu/{vmid}/firewall": "name",
    "/nodes/{node}/scan": "method",
    "/nodes/{node}/sdn": "name",
    "/nodes/{node}/storage/{storage}": "subdir",
}
"""Paths, and the field that holds the name of a child."""
UNLISTED = {
    "/cluster/sdn": ("dry-run", "lock", "rollback"),
    "/nodes/{node}/scan": ("lvmthin",),
}
"""Children that the real lists leave out, too."""


def _index(template: str, key: str) -> Handler:
    async def index(_world: World, _call: Call) -> list[dict[str, Any]]:
        left_out = UNLISTED.get(template, ())
        children = Schema.load().children(template)
        return [{key: name} for name in children if name not in left_out]

    return index


for _template, _key in KEYS.items():
    call("GET", _template)(_index(_template, _key))
