# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package updates of a node (`PVE/API2/APT.pm`): listed once the package lists were read."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, call
from pvesim.worker import Worker
from pvesim.world import World

REPOSITORIES = (
    "http://deb.debian.org/debian trixie InRelease",
    "http://deb.debian.org/debian trixie-updates InRelease",
    "http://security.debian.org/debian-security trixie-security InRelease",
    "http://download.proxmox.com/debian/pve trixie InRelease",
)


@call("GET", "/nodes/{node}/apt/update")
async def updates(world: World, call: Call) -> list[dict[str, Any]]:
    """The packages that can be updated, as far as the node knows."""
    node = world.nodes[call.node]
    return [dict(package) for package in node.updates] if node.lists_read else []


@call("POST", "/nodes/{node}/apt/update")
async def update(world: World, call: Call) -> str:
    """Read the package lists."""

    async def work(worker: Worker) -> None:
        worker.log("starting apt-get update")
        for number, repository in enumerate(REPOSITORIES, start=1):
            await worker.work(1 / len(REPOSITORIES))
            if not call.params.get("quiet"):
                worker.log(f"Hit:{number} {repository}")
        worker.log("Reading package lists...")
        world.nodes[call.node].lists_read = True

    return world.tasks.start(call.node, call.caller.authid, "aptupdate", "", work)
