# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about configurations, templates, locks, migrations and the end of guests."""

from __future__ import annotations

import typing as t

from ...api.errors import UsageError
from ...guests.config import Rules, difference
from ...guests.properties import switch
from ...guests.volumes import type_in_backup
from .power import check_ha
from .situation import NOTHING, Need

if t.TYPE_CHECKING:
    from .situation import Rule, Situation


def unless_configured(there: Situation) -> Need:
    """Only differences are configured."""
    rules = Rules(there.guest.type, may_replace=there.may_replace, keep_secrets=there.keep_secrets)
    change = difference(there.current, there.params, rules)
    return Need(change.params or None, change.awaited)


def unless_template(there: Situation) -> Need:
    """A template is not converted again."""
    return Need(None if there.guest.template else there.params)


def unless_on_target(there: Situation) -> Need:
    """A guest moves to a node that exists and is online."""
    target = there.cluster.node(str(there.params.get("target") or ""), "params: target")
    if there.guest.node != target.name:
        check_ha(there.guest)
    return Need(None if there.guest.node == target.name else there.params)


def unless_managed_by_ha(there: Situation) -> Need:
    """What HA manages cannot leave its cluster (``PVE::API2::Qemu``, remote_migrate_vm)."""
    if there.guest.ha is not None:
        raise UsageError(f"{there.guest.title} is managed by HA; remove it from there first")
    return Need(there.params)


def unless_kept(*, unprotect: bool = False) -> Rule:
    """A guest is deleted unless something keeps it: it runs, is locked, or others depend on it.

    A running guest is stopped first if that is allowed. ``unprotect`` says that the protection will
    be taken away.
    """

    def rule(there: Situation) -> Need:
        guest, params = there.guest, there.params
        stop_first = guest.running and there.force_stop
        if guest.running and not stop_first and not params.get("force"):
            raise UsageError(f"{guest.title} is running; stop it first, or set force_stop")
        if _is_on(there.current.values.get("protection")) and not unprotect:
            raise UsageError(f"{guest.title} is protected; set its option protection to 0 first")
        _check_lock(there)
        if there.ties.clones:
            raise UsageError(
                f"{guest.title} is a template with linked clones, which have to be deleted first:"
                f" {', '.join(map(str, there.ties.clones))}"
            )
        if not _is_on(params.get("purge")):
            _check_others(there)
        return Need(params, stop_first=stop_first)

    return rule


# A hibernated VM can be deleted (PVE::QemuServer, destroy_vm); the other is a deletion that runs.
_NO_OBSTACLE = {"qemu": ("suspended", "destroyed"), "lxc": ("destroyed",)}


def _check_lock(there: Situation) -> None:
    guest = there.guest
    if guest.lock is None or guest.lock in _NO_OBSTACLE[guest.type]:
        return
    by = f" by {', '.join(map(str, there.tasks))}" if there.tasks else ", by no task that runs"
    raise UsageError(f"{guest.title} is locked ({guest.lock}){by}; it is not changed")


def _is_on(value: object) -> bool:
    return switch(str(value)) is True


def _check_others(there: Situation) -> None:
    """What Proxmox VE refuses without ``purge``, which removes it there, too."""
    guest, jobs = there.guest, there.ties.replication
    what = "managed by HA" if guest.ha is not None else ""
    if jobs:
        what = f"replicated ({', '.join(jobs)})"
    if what:
        raise UsageError(
            f"{guest.title} is {what}; with the parameter purge it is removed from there as well"
        )


def if_locked(there: Situation) -> Need:
    """A lock is removed once nothing holds it any more."""
    guest = there.guest
    if guest.lock is None:
        return NOTHING
    if there.tasks:
        raise UsageError(
            f"{guest.title} is locked ({guest.lock}) by a task that runs:"
            f" {', '.join(map(str, there.tasks))}"
        )
    return Need(there.params)


def to_another(there: Situation) -> Need:
    """A clone gets a VMID that is free; the module clone knows its own clones again."""
    vmid = int(there.params.get("newid") or 0)
    taken = there.cluster.guests.get(vmid)
    if taken is not None:
        raise UsageError(f"params: newid {vmid} is {taken.title}")
    return Need(there.params)


def unless_there(there: Situation) -> Need:
    """A guest is created where there is none; another one of its VMID is left as it is."""
    if not there.exists:
        return Need(there.params)
    name = there.params.get("name") or there.params.get("hostname")
    if name is not None and there.guest.name not in (None, name):
        raise UsageError(f"VMID {there.guest.vmid} is {there.guest.title}, not {name!r}")
    return NOTHING


def over_one_that_is_stopped(there: Situation) -> Need:
    """A restore takes the place of a guest only with force, and of one that does not run."""
    guest = there.guest
    if not there.exists:
        return Need(there.params)
    if there.params.get("node") not in (None, guest.node):
        raise UsageError(f"{guest.title} is not on {there.params['node']}")
    kind = type_in_backup(str(there.params.get("archive")))
    if kind not in (None, guest.type):
        raise UsageError(f"{guest.title} is of another type than the guest in the backup")
    if not there.params.get("force"):
        raise UsageError(
            f"{guest.title} is there already; with force in params the backup takes its place,"
            " and all that it holds is lost"
        )
    if guest.running and not there.force_stop:
        raise UsageError(f"{guest.title} is running; stop it first, or set force_stop")
    return Need(there.params, stop_first=guest.running)
