# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody has configured: replication, devices, SDN, metrics, ACME, notifications."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, Handler, call
from pvesim.world import World

EMPTY = (
    "/cluster/jobs/realm-sync",
    "/cluster/mapping/pci",
    "/cluster/mapping/usb",
    "/cluster/metrics/server",
    "/cluster/replication",
    "/cluster/sdn/controllers",
    "/cluster/sdn/dns",
    "/nodes/{node}/replication",
    "/nodes/{node}/scan/lvm",
)
BUILT_IN: dict[str, list[dict[str, Any]]] = {
    "/cluster/acme/directories": [
        {"name": "Let's Encrypt V2", "url": "https://acme-v02.api.letsencrypt.org/directory"},
        {
            "name": "Let's Encrypt V2 Staging",
            "url": "https://acme-staging-v02.api.letsencrypt.org/directory",
        },
    ],
    "/cluster/notifications/matchers": [
        {
            "name": "default-matcher",
            "mode": "all",
            "origin": "builtin",
            "target": ["mail-to-root"],
        }
    ],
    "/cluster/notifications/targets": [
        {
            "name": "mail-to-root",
            "type": "sendmail",
            "origin": "builtin",
            "comment": "Send mails to root@pam's email address",
        }
    ],
    # The digest is that of an empty file.
    "/cluster/sdn/ipams": [
        {"ipam": "pve", "type": "pve", "digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
    ],
}
"""What is there from the beginning."""


def _list(entries: list[dict[str, Any]]) -> Handler:
    async def answer(_world: World, _call: Call) -> list[dict[str, Any]]:
        return [dict(entry) for entry in entries]

    return answer


for _template in EMPTY:
    call("GET", _template)(_list([]))
for _template, _entries in BUILT_IN.items():
    call("GET", _template)(_list(_entries))


@call("GET", "/cluster/sdn/fabrics/all")
async def fabrics(_world: World, _call: Call) -> dict[str, list[dict[str, Any]]]:
    """No fabric, and no node in one."""
    return {"fabrics": [], "nodes": []}
