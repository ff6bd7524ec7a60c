# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that are restored to be looked at: what identifies them, and how they are removed.

Each has a mark in its description from the moment of its restore on. Nothing is done to a guest
whose own configuration, read right before, does not have it. Those of another call are removed only
if that certainly no longer lives.
"""

from __future__ import annotations

import asyncio
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
from ...tasks.task import iso
from .marks import Mark

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.chains import ChainResult
    from ...guests.cluster import Cluster, Guest
    from ...guests.shared_readings import SharedReadings
    from ...operations.job import Job
    from ..context import Context
    from ..machine import Engine

TAG = "upid-verify"
_RESTORES = ("qmrestore", "vzrestore")


async def read_marked(api: Api, guest: Guest, mark: Mark) -> t.Mapping[str, t.Any]:
    """The configuration of a guest that has the mark; Unneeded if it is gone, else PveError."""
    config = await _config(api, guest)
    if config is None:
        raise Unneeded(f"VMID {guest.vmid} is gone")
    if Mark.of(config) != mark:
        raise PveError(
            f"{guest.title} does not have the mark of the guest that was restored; it is left alone"
        )
    return config


async def is_gone(api: Api, guest: Guest, mark: Mark) -> bool:
    """Whether a restored guest is gone, although another call may have restored one there since."""
    try:
        config = await _config(api, guest)
    except PveError:
        return False
    if config is None:
        return True
    other = Mark.of(config)
    return other != mark if other is not None else config.get("lock") == "create"


def still_marked(guest: Guest, mark: Mark) -> t.Callable[[Api], t.Awaitable[None]]:
    """A ``recheck`` for a job: the guest has the mark in this moment."""

    async def recheck(api: Api) -> None:
        await read_marked(api, guest, mark)

    return recheck


class Scratch:
    """The range of VMIDs for restored guests; each is used by one at a time.

    ``coming`` are VMIDs that may become free, which are waited for if no other is.
    """

    def __init__(self, api: Api, text: str, cluster: Cluster) -> None:
        self._api = api
        self.range = VmidRange.parse(text)
        self.coming: asyncio.Future[t.Any] | None = None
        self._used = set(cluster.guests)
        self._first = self.range.first

    def __contains__(self, vmid: int) -> bool:
        return self.range.first <= vmid <= self.range.last

    def keep_away(self) -> None:
        """Another call works in the range: begin somewhere else, so that the two seldom meet."""
        self._first = self.range.first + secrets.randbelow(self.range.last - self.range.first + 1)

    async def take(self) -> int:
        """A free VMID; the cluster is asked, because it knows guests that the caller cannot see."""
        vmid = await self._next()
        if vmid is None and self.coming is not None:
            await asyncio.wait([self.coming])
            vmid = await self._next()
        if vmid is None:
            raise UsageError(
                f"vmid_range: no VMID is free from {self.range.first} to {self.range.last}"
            )
        return vmid

    async def _next(self) -> int | None:
        for vmid in self._in_order():
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
        return None

    def _in_order(self) -> t.Iterator[int]:
        """The VMIDs from the first one on, then those before it."""
        yield from range(self._first, self.range.last + 1)
        yield from range(self.range.first, self._first)

    def release(self, vmid: int) -> None:
        """The guest is gone; another one may take its VMID."""
        self._used.discard(vmid)


@dataclass(frozen=True)
class Found:
    """A restored guest that this call has not restored; its mark is None while it is created.

    ``kept`` says why it is left alone, which only what is in the range of this call may not be.
    """

    guest: Guest
    mark: Mark | None
    kept: str | None = None


async def find_restored(api: Api, scratch: Scratch, cluster: Cluster) -> list[Found]:
    """The guests that other calls have restored, and what is not known of the range."""
    guests = [
        guest for guest in cluster.guests.values() if guest.vmid in scratch or TAG in guest.tags
    ]
    found = await asyncio.gather(*(_found(api, guest, scratch) for guest in guests))
    return [one for one in found if one is not None]


async def _found(api: Api, guest: Guest, scratch: Scratch) -> Found | None:
    mine = guest.vmid in scratch
    try:
        config = await _config(api, guest)
    except PveError as error:
        return Found(guest, None, f"it cannot be read: {error}") if mine else None
    mark = Mark.of(config or {})
    if mark is not None:
        return Found(guest, mark, _why_kept(mark, api.server_time(), mine=mine))
    if mine and config is not None and config.get("lock") == "create":
        return Found(guest, None, "it is being created")
    return None


def _why_kept(mark: Mark, now: float, *, mine: bool) -> str | None:
    if not mine:
        return "it is not in vmid_range"
    if mark.may_be_at_work(now):
        return f"the call that restored it may be at work until {iso(mark.until)}"
    return None


async def find_when_restored(machine: Engine, one: Found, scratch: Scratch) -> Found | None:
    """A guest that was being created, as it is at the end of a restore of the same caller."""
    await _end_of_restore(machine, one.guest)
    return await _found(machine.context.api, one.guest, scratch)


async def _end_of_restore(machine: Engine, guest: Guest) -> None:
    """Wait for the restore of an earlier call that still runs, if there is one."""
    api = machine.context.api
    params = {"source": "active", "vmid": guest.vmid}
    for entry in await list_tasks(api, guest.node, params, retries=None):
        upid = entry.upid
        if upid.type in _RESTORES and upid.user == api.authid and entry.status is None:
            await machine.watch(upid, OPERATIONS["restore"].wait_timeout)


def removal_chain(
    context: Context, guest: Guest, mark: Mark, readings: SharedReadings, *, bare: bool = False
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
    mark: Mark
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
        config = await _config(self.context.api, self.guest) if there else None
        # Another call may have restored a guest with this VMID by now.
        if config is not None and not await is_gone(self.context.api, self.guest, self.mark):
            raise PveError(f"{self.guest.title} still exists after it was deleted")
        raise Unneeded("gone")

    async def _check(self, api: Api) -> t.Mapping[str, t.Any]:
        if self.bare:
            config = await _config(api, self.guest)
            if config is not None and self._is_bare(config):
                return config
        return await read_marked(api, self.guest, self.mark)

    def _is_bare(self, config: t.Mapping[str, t.Any]) -> bool:
        return self.bare and is_bare(config)

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
