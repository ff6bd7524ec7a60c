# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of what nobody has configured: firewall, replication, backup jobs, mappings."""

from __future__ import annotations

import hashlib
from typing import Any

from pvesim.calls import Call, call
from pvesim.world import World

FIREWALLS = (
    "/cluster/firewall",
    "/nodes/{node}/lxc/{vmid}/firewall",
    "/nodes/{node}/qemu/{vmid}/firewall",
)
EMPTY = (
    "/access/groups",
    "/cluster/backup",
    "/cluster/firewall/groups",
    "/cluster/ha/rules",
    "/cluster/jobs/realm-sync",
    "/cluster/mapping/dir",
    "/cluster/mapping/pci",
    "/cluster/mapping/usb",
    "/cluster/metrics/server",
    "/cluster/replication",
    "/cluster/sdn/controllers",
    "/cluster/sdn/vnets",
    "/cluster/sdn/zones",
    "/nodes/{node}/disks/directory",
    "/nodes/{node}/disks/zfs",
    "/nodes/{node}/firewall/rules",
    "/nodes/{node}/replication",
    *(f"{where}/{what}" for where in FIREWALLS for what in ("aliases", "ipset", "refs", "rules")),
)
OPTIONS = tuple(f"{where}/options" for where in (*FIREWALLS, "/nodes/{node}/firewall"))


async def _nothing(_world: World, _call: Call) -> list[dict[str, Any]]:
    return []


async def _options(_world: World, _call: Call) -> dict[str, str]:
    """The options of a firewall: none but the digest of none (`PVE/API2/Firewall/`)."""
    return {"digest": hashlib.sha1(b"", usedforsecurity=False).hexdigest()}


for _template in EMPTY:
    call("GET", _template)(_nothing)
for _template in OPTIONS:
    call("GET", _template)(_options)
