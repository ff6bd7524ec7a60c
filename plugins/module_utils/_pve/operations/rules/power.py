# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about what a guest's state is changed by."""

from __future__ import annotations

import typing as t

from ...api.errors import UsageError
from .situation import NOTHING, Need

if t.TYPE_CHECKING:
    from ...guests.cluster import Guest
    from .situation import Rule, Situation


def check_ha(guest: Guest) -> None:
    """Refuse what is only asked of HA and would never be done (``PVE::HA::Manager``)."""
    if guest.ha == "error":
        raise UsageError(
            f"HA is in state error for {guest.title}: set its HA state to disabled first, then try"
            " again"
        )


def unless_in_state(state: str) -> Rule:
    """It is done if the guest has another state."""

    def rule(there: Situation) -> Need:
        guest = there.guest
        if guest.status == state:
            return NOTHING
        if state == "running" and guest.template:
            raise UsageError(f"{guest.title} is a template; it cannot be started")
        check_ha(guest)
        return Need(there.params)

    return rule


def if_running(there: Situation) -> Need:
    """It is done to a guest that runs."""
    _check_runs(there.guest)
    return Need(there.params)


def unless_paused(there: Situation) -> Need:
    """A VM whose CPUs stand still is left so; a container is written to disk and stops."""
    if _is_hibernated(there):
        raise UsageError(f"{there.guest.title} is hibernated; nothing of it can be suspended")
    _check_runs(there.guest)
    return NOTHING if there.status.get("qmpstatus") == "paused" else Need(there.params)


def unless_hibernated(there: Situation) -> Need:
    """The memory of a VM that runs is saved once; HA would start it again."""
    if _is_hibernated(there):
        return NOTHING
    _check_runs(there.guest)
    if there.guest.ha is not None:
        raise UsageError(f"{there.guest.title} is managed by HA, which does not let it hibernate")
    return Need(there.params)


def unless_awake(there: Situation) -> Need:
    """What is paused or hibernated goes on; what only stands still is started, not resumed."""
    guest = there.guest
    if guest.type == "lxc":
        # A container that was written to disk looks like one that was stopped.
        return NOTHING if guest.running else Need(there.params)
    if guest.running:
        return NOTHING if there.status.get("qmpstatus") == "running" else Need(there.params)
    if not _is_hibernated(there):
        raise UsageError(f"{guest.title} is not running; it can be started, not resumed")
    return Need(there.params)


def _is_hibernated(there: Situation) -> bool:
    return not there.guest.running and there.guest.lock == "suspended"


def _check_runs(guest: Guest) -> None:
    if not guest.running:
        raise UsageError(f"{guest.title} is not running")
