# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that are restored to be looked at: what identifies them, and how they are removed.

Each has a mark in its description from the moment of its restore on. Nothing is done to a guest
whose own configuration, read right before, does not have it.
"""

from __future__ import annotations

import re
import secrets
import typing as t
from dataclasses import dataclass, replace

from ...api.answers import read_mapping
from ...api.errors import ApiError, Cause, PveError, UsageError
from ...engine.chains import Chain, ChainStep
from ...guests.vmids import VmidRange
from ...guests.volumes import DRIVE
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Unneeded
from ...tasks.listing import list_tasks

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.chains import ChainResult
    from ...guests.cluster import Cluster, Guest
    from ...guests.shared_readings import SharedReadings
    from ...operations.job import Job
    from ..context import Context
    from ..machine import Engine

TAG = "upid-verify"
_MARK = re.compile(r"^upid\.proxmox verify_backups: [0-9a-f]{16} \S+$", re.MULTILINE)
_RESTORES = ("qmrestore", "vzrestore")


def new_mark(volid: str) -> str:
    """A mark that no other guest has, with the archive that it was restored from."""
    return f"upid.proxmox verify_backups: {secrets.token_hex(8)} {volid}"


def mark_in(config: t.Mapping[str, t.Any]) -> str | None:
    """The mark in a guest's configuration, None if it is not one of ours."""
    found = _MARK.search(str(config.get("description") or ""))
    return found[0] if found else None


async def read_marked(api: Api, guest: Guest, mark: str) -> t.Mapping[str, t.Any]:
    """The configuration of a guest that has the mark; Unneeded if it is gone, else PveError."""
    config = await _config(api, guest)
    if config is None:
        raise Unneeded(f"VMID {guest.vmid} is gone")
    if mark_in(config) != mark:
        raise PveError(
            f"{guest.title} does not have the mark of the guest that was restored; it is left alone"
        )
    return config


def still_marked(guest: Guest, mark: str) -> t.Callable[[Api], t.Awaitable[None]]:
    """A ``recheck`` for a job: the guest has the mark in this moment."""

    async def recheck(api: Api) -> None:
        await read_marked(api, guest, mark)

    return recheck


class Scratch:
    """The range of VMIDs for restored guests; each is used by one at a time."""

    def __init__(self, api: Api, text: str, cluster: Cluster) -> None:
        self._api = api
        self.range = VmidRange.parse(text)
        self._used = set(cluster.guests)

    def __contains__(self, vmid: int) -> bool:
        return self.range.first <= vmid <= self.range.last

    async def take(self) -> int:
        """A free VMID; the cluster is asked, because it knows guests that the caller cannot see."""
        for vmid in range(self.range.first, self.range.last + 1):
            if vmid in self._used:
                continue
            self._used.add(vmid)
            try:
                await self._api.get(("cluster", "nextid"), {"vmid": vmid})
            except ApiError as error:
                if error.status != 400:
                    raise
            else:
                return vmid
        raise UsageError(
            f"vmid_range: no VMID is free from {self.range.first} to {self.range.last}"
        )

    def release(self, vmid: int) -> None:
        """The guest is gone; another one may take its VMID."""
        self._used.discard(vmid)


async def find_leftovers(
    machine: Engine, scratch: Scratch, cluster: Cluster, *, wait: bool
) -> list[tuple[Guest, str]]:
    """The guests that earlier calls restored and did not remove, each with its mark.

    With ``wait`` restores of the same caller that still run are waited for.
    """
    found = []
    for guest in cluster.guests.values():
        if guest.vmid not in scratch:
            continue
        config = await _config(machine.context.api, guest)
        if wait and config is not None and config.get("lock") == "create":
            await _end_of_restore(machine, guest)
            config = await _config(machine.context.api, guest)
        mark = None if config is None else mark_in(config)
        if mark is not None:
            found.append((guest, mark))
    return found


async def _end_of_restore(machine: Engine, guest: Guest) -> None:
    """Wait for the restore of an earlier call that still runs, if there is one."""
    api = machine.context.api
    params = {"source": "active", "vmid": guest.vmid}
    for entry in await list_tasks(api, guest.node, params, retries=None):
        upid = entry.upid
        if upid.type in _RESTORES and upid.user == api.authid and entry.status is None:
            await machine.watch(upid, OPERATIONS["restore"].wait_timeout)


def removal_chain(
    context: Context, guest: Guest, mark: str, readings: SharedReadings, *, bare: bool = False
) -> Chain:
    """Stop the restored guest if it runs, delete it, and see that it is gone.

    ``bare`` says that its restore has failed: of a VM a configuration may remain that has neither
    the mark nor anything else (``VM ... state is NOT cleaned up``, recorded).
    """
    removal = _Removal(context, guest, mark, readings, bare)
    return Chain(
        guest,
        (
            ChainStep("stop", prepare=removal.stop),
            ChainStep("unprotect", prepare=removal.unprotect),
            ChainStep("delete", prepare=removal.delete),
            ChainStep("verify", prepare=removal.gone),
        ),
    )


@dataclass(frozen=True)
class _Removal:
    """The steps that remove a restored guest; each reads first whether it is still the one."""

    context: Context
    guest: Guest
    mark: str
    readings: SharedReadings
    bare: bool

    async def stop(self, _before: ChainResult) -> Job:
        guest = self.guest
        await self._check(self.context.api)
        path = ("nodes", guest.node, guest.type, guest.vmid, "status", "current")
        if (await read_mapping(self.context.api, path)).get("status") == "stopped":
            raise Unneeded("already stopped")
        return self._job("stop", {})

    async def unprotect(self, _before: ChainResult) -> Job:
        if str((await self._check(self.context.api)).get("protection") or 0) == "0":
            raise Unneeded("not protected")
        return self._job("configure", {"protection": 0})

    async def delete(self, _before: ChainResult) -> Job:
        await self._check(self.context.api)
        return self._job("delete", {"purge": 1})

    async def gone(self, _before: ChainResult) -> Job:
        there = self.guest.vmid in (await self.readings.read()).guests
        if there and await _config(self.context.api, self.guest) is not None:
            raise PveError(f"{self.guest.title} still exists after it was deleted")
        raise Unneeded("gone")

    async def _check(self, api: Api) -> t.Mapping[str, t.Any]:
        if self.bare:
            config = await _config(api, self.guest)
            if config is not None and is_bare(config):
                return config
        return await read_marked(api, self.guest, self.mark)

    def _job(self, operation: str, params: t.Mapping[str, t.Any]) -> Job:
        async def recheck(api: Api) -> None:
            await self._check(api)

        timeout = self.context.params["wait_timeout"]
        job = guest_job(OPERATIONS[operation], self.guest, params, timeout)
        return replace(job, recheck=recheck)


def is_bare(config: t.Mapping[str, t.Any]) -> bool:
    """Whether a configuration is what a restore that failed leaves: no disk, no name, no lock."""
    named = any(config.get(key) for key in ("name", "hostname", "description", "tags", "lock"))
    return not named and not any(DRIVE.match(key) for key in config)


async def _config(api: Api, guest: Guest) -> t.Mapping[str, t.Any] | None:
    try:
        return await read_mapping(api, ("nodes", guest.node, guest.type, guest.vmid, "config"))
    except ApiError as error:
        if error.cause is Cause.GONE:
            return None
        raise
