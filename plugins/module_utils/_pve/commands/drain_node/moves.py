# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One guest that is to move: where to, how, or why it cannot."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...guests.mobility import Mobility

if t.TYPE_CHECKING:
    from ...guests.cluster import Guest
    from ...tasks.upid import Upid

ONLINE, RESTART, OFFLINE = "online", "restart", "offline"


@dataclass(frozen=True)
class Move:
    """A guest and where it goes: ``target`` is None for one that stays.

    ``refusal`` says why it cannot move, ``note`` why it need not. ``running`` is the migration that
    is on its way already.
    """

    guest: Guest
    target: str | None = None
    refusal: str = ""
    note: str = ""
    mobility: Mobility = field(default_factory=Mobility)
    running: Upid | None = None


def way_of(guest: Guest) -> str:
    """How it moves: a VM that runs goes on running, a container that runs is restarted."""
    if not guest.running:
        return OFFLINE
    return ONLINE if guest.type == "qemu" else RESTART


def params_of(options: t.Mapping[str, t.Any], guest: Guest, target: str) -> dict[str, t.Any]:
    """The parameters of the call that moves it.

    They are the same whether it runs or not, because that may change until its turn comes: a guest
    that does not run moves offline all the same.
    """
    params: dict[str, t.Any] = {"target": target, "bwlimit": options["bwlimit"]}
    if guest.type == "qemu":
        params.update({"online": 1, "targetstorage": options["target_storage"]})
        params["with-local-disks"] = 1 if options["with_local_disks"] else None
    else:
        params["target-storage"] = options["target_storage"]
        if options["restart_containers"]:
            params.update(restart=1, timeout=options["shutdown_timeout"])
    return {name: value for name, value in params.items() if value is not None}


def obstacle(options: t.Mapping[str, t.Any], guest: Guest, mobility: Mobility) -> str:
    """What keeps the guest where it is, whatever the target; empty if nothing does.

    Only what Proxmox VE is known to refuse (``PVE/QemuMigrate.pm``, ``PVE/LXC/Migrate.pm``); the
    rest is found by the migration itself.
    """
    runs, is_vm = guest.running, guest.type == "qemu"
    disks = ", ".join(mobility.disks)
    reasons = (
        (guest.lock is not None, f"it is locked ({guest.lock})"),
        (mobility.devices, f"it uses devices of this node: {', '.join(mobility.devices)}"),
        (mobility.media, f"only this node has the CD image in {', '.join(mobility.media)}"),
        (
            runs and mobility.disks and not options["with_local_disks"],
            f"it runs, only this node has its {disks}, and with_local_disks is false",
        ),
        (
            runs and not is_vm and not options["restart_containers"],
            "it is a container that runs, and restart_containers is false",
        ),
    )
    return next((why for holds, why in reasons if holds), "")
