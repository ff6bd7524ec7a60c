# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery: finds the task of a call whose response got lost, or of an earlier run."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from dataclasses import dataclass

from ..api import clock
from ..api.answers import read_mapping
from ..api.errors import ApiError, Cause, NoAnswerError, PveError
from ..tasks.clone_log import read_targets
from ..tasks.listing import list_tasks
from .follow_up import request_for

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..operations.job import Job
    from ..tasks.listing import Entry
    from ..tasks.upid import Upid
    from .baseline import Baseline

# A daemon that was blocked may carry out a call up to this long after it answers others again.
_GRACE = 30.0


@dataclass(frozen=True)
class Recovery:
    """What was found of a call without a response: its task, its effect, or nothing.

    ``certain`` says that the call will certainly not be carried out any more; ``why`` says why that
    is unknown. ``done`` is whether the guest shows its effect, None if that cannot be read.
    """

    upid: Upid | None
    certain: bool
    why: str = ""
    done: bool | None = None


async def recover(api: Api, job: Job, baseline: Baseline, known: t.Collection[Upid]) -> Recovery:
    """Search for the task that ``job``'s call started after ``baseline`` was read.

    ``known`` are tasks that belong to other jobs. That there is none is certain only after the node
    has answered a call through its daemon, which is then not blocked, and some time has passed.
    """
    patience = clock.now() + job.timeout
    search = _Search(api, job, baseline, known)
    attempt = 0
    while True:
        attempt += 1
        found = await search.search()
        if found.certain or clock.now() >= patience:
            return found
        await clock.sleep(clock.backoff(attempt, most=4.0))


async def is_done(api: Api, job: Job) -> bool:
    """Whether the guest already shows the effect of the job; False if that cannot be read."""
    try:
        return job.done is not None and await job.done(api)
    except PveError:
        return False


@dataclass
class _Search:
    """A search for the effect of a call.

    ``unblocked`` is when the daemon was seen to work, ``locked`` whether the target was seen to be
    created.
    """

    api: Api
    job: Job
    baseline: Baseline
    known: t.Collection[Upid]
    unblocked: float | None = None
    locked: bool = False

    async def search(self) -> Recovery:
        """Search once; uncertain if the node does not answer now."""
        try:
            return await self._search_once()
        except NoAnswerError as error:
            return Recovery(None, certain=False, why=str(error))
        except ApiError as error:
            if error.cause is not Cause.NO_QUORUM:
                raise
            return Recovery(None, certain=False, why=str(error))

    async def _search_once(self) -> Recovery:
        upid = await find_started(self.api, self.job, self.baseline, self.known)
        if upid is not None:
            return Recovery(upid, certain=True)
        if self.unblocked is None:
            await _wait_for_daemon(self.api, self.job)
            self.unblocked = clock.now()
        done = None if self.job.done is None else await self.job.done(self.api)
        if done:  # its task may have started since the search
            upid = await find_started(self.api, self.job, self.baseline, self.known)
            return Recovery(upid, certain=True, done=True)
        if await _target_is_locked(self.api, self.job):
            self.locked = True
            return Recovery(
                None, False, "the target is being created, but its task is not visible", done
            )
        if self.locked:  # a hidden task may have ended since the search, and shows from then on
            upid = await find_started(self.api, self.job, self.baseline, self.known)
            if upid is not None:
                return Recovery(upid, certain=True, done=done)
        return Recovery(None, clock.now() - self.unblocked >= _GRACE, done=done)


async def find_started(
    api: Api, job: Job, baseline: Baseline, known: t.Collection[Upid]
) -> Upid | None:
    """The caller's task for this job that is not in the baseline, or None."""
    filters = {"source": "all", "since": baseline.horizon or None}
    entries = await _entries(api, job, filters, retries=1)

    def may_be(upid: Upid) -> bool:
        return upid not in known and upid.user == api.authid and baseline.may_follow(upid)

    return await _first_match(api, entries, job, may_be)


async def find_running(api: Api, job: Job) -> Upid | None:
    """The running task for the same job, whoever started it, or None."""
    entries = await _entries(api, job, {"source": "active"}, retries=None)
    return await _first_match(api, entries, job, lambda _upid: True)


async def find_at_work(api: Api, job: Job, nodes: t.Iterable[str]) -> Upid | None:
    """A running task of any user, on any of the nodes, that creates the same guest, or may do so.

    A clone may, if its log may not be read or does not name its guest yet.

    Raises if a node does not answer.
    """
    filters = {"source": "active", "typefilter": job.task_type}
    lists = await asyncio.gather(*(list_tasks(api, node, filters, retries=None) for node in nodes))
    for upid in [entry.upid for entries in lists for entry in entries]:
        targets = await _targets(api, upid)
        if not targets or job.target.vmid in targets:
            return upid
    return None


async def _entries(
    api: Api, job: Job, filters: t.Mapping[str, t.Any], retries: int | None
) -> list[Entry]:
    """The tasks of the job's node of the types that its call can start."""
    found: list[Entry] = []
    for task_type in filter(None, (job.task_type, request_for(job.task_type))):
        one = {**filters, "typefilter": task_type}
        found += await list_tasks(api, job.node, one, retries=retries)
    return found


async def _first_match(
    api: Api, entries: t.Iterable[Entry], job: Job, may_be: t.Callable[[Upid], bool]
) -> Upid | None:
    for upid in (entry.upid for entry in entries):
        if not job.has_id(upid) or not may_be(upid):
            continue
        if not job.on_guest or job.target.vmid in await _targets(api, upid):
            return upid
    return None


async def _targets(api: Api, upid: Upid) -> frozenset[int]:
    """The guest that a task works on; empty if its log may not be read or does not name it."""
    try:
        return await read_targets(api, upid)
    except ApiError:  # not ours to read, so not ours
        return frozenset()


async def _wait_for_daemon(api: Api, job: Job) -> None:
    """Make a call that the node's daemon carries out; any definite response will do."""
    guest = job.path[:4]
    path = (*guest, "status", "current") if len(guest) == 4 else guest
    if job.path[2:3] not in (("qemu",), ("lxc",)):
        path = ("nodes", job.node, "storage")
    with contextlib.suppress(ApiError):
        await api.get(path, retries=0)


async def _target_is_locked(api: Api, job: Job) -> bool:
    """Whether the target is being created, which is visible even if the task is not."""
    if not job.repeatable:
        return False
    config = await read_target(api, job)
    return config is not None and config.get("lock") in ("clone", "create")


async def read_target(api: Api, job: Job) -> t.Mapping[str, t.Any] | None:
    """The configuration of the guest that a job creates, None if none is visible.

    It is read on the node of the task: a clone moves to its own node in its last step.
    """
    path = ("nodes", job.node, job.target.type, job.target.vmid, "config")
    try:
        return await read_mapping(api, path, retries=0)
    except ApiError as error:
        if error.cause is Cause.GONE or error.status == 403:
            return None
        raise
