# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task does with the guest that it made: start it, and hand it to HA.

A VM is handed to HA first, so that HA starts it; a container the other way round. A start that
cannot begin fails the task of a container, for a VM it is only printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calls import Call, CallError
from .ha import service
from .nested import guest_call
from .worker import Died

if TYPE_CHECKING:
    from .entities import Guest
    from .worker import Worker


async def autostart(worker: Worker, call: Call, guest: Guest) -> None:
    """Do as `start` and `ha-managed` of the call say."""
    if guest.type == "qemu":
        _manage(worker, call, guest)
        if call.params.get("start"):
            worker.log("Execute autostart")
            try:
                await start(worker, call, guest)
            except CallError as exc:
                worker.log(exc.message)
        return
    if call.params.get("start"):
        try:
            await start(worker, call, guest)
        except CallError as exc:
            raise Died(exc.message) from exc
    _manage(worker, call, guest)


async def start(worker: Worker, call: Call, guest: Guest) -> str:
    """Start the guest in a task of its own, which nobody waits for."""
    return await guest_call(worker.world, call.caller, guest, ("status/start", {}))


def _manage(worker: Worker, call: Call, guest: Guest) -> None:
    if call.params.get("ha-managed"):
        worker.log("Add as HA resource")
        state = "started" if call.params.get("start") else "stopped"
        worker.world.ha[service(guest)] = {"state": state}
