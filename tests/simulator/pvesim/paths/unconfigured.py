# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of what nobody has configured: replication, devices, SDN, metrics."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, call
from pvesim.world import World

EMPTY = (
    "/cluster/jobs/realm-sync",
    "/cluster/mapping/pci",
    "/cluster/mapping/usb",
    "/cluster/metrics/server",
    "/cluster/replication",
    "/cluster/sdn/controllers",
    "/cluster/sdn/vnets",
    "/cluster/sdn/zones",
    "/nodes/{node}/disks/directory",
    "/nodes/{node}/disks/zfs",
    "/nodes/{node}/replication",
)


async def _nothing(_world: World, _call: Call) -> list[dict[str, Any]]:
    return []


for _template in EMPTY:
    call("GET", _template)(_nothing)
