# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the task that a call started when its answer got lost, or that an earlier run left."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from . import clock
from .errors import ApiError, NoAnswerError, Trouble
from .sequel import request_for
from .task import outcome_of
from .tasklist import list_tasks

if t.TYPE_CHECKING:
    from .client import Api
    from .operations.job import Job
    from .tasklist import Entry
    from .upid import Upid

# A daemon that was blocked may carry out a call this long after it answers others again.
_GRACE = 30.0
# The server notes start times in whole seconds, and its clock is known to the second only.
_SLACK = 2
_FIRST_LINES = 5


@dataclass(frozen=True)
class Fate:
    """What became of a call without an answer: a task, or nothing, or nobody can tell."""

    upid: Upid | None
    certain: bool
    why: str = ""


async def find_started(api: Api, job: Job, since: float, known: t.Collection[Upid]) -> Fate:
    """Look for the task that ``job``'s call started after ``since`` (the server's clock).

    ``known`` are tasks that belong to others. Nothing found is certain only when the node has
    answered a call through its daemon, which then is not blocked, and a while has passed.
    """
    patience = clock.now() + job.timeout
    unblocked: float | None = None
    attempt = 0
    while True:
        attempt += 1
        why = ""
        try:
            upid = await _find(api, job, int(since) - _SLACK, known, "all")
            if upid is not None:
                return Fate(upid, certain=True)
            if unblocked is None:
                await _wait_for_daemon(api, job)
                unblocked = clock.now()
            if await _target_is_locked(api, job):
                why = "the target is being made, but no task is seen"
            elif clock.now() - unblocked >= _GRACE:
                return Fate(None, certain=True)
        except NoAnswerError as error:
            why = str(error)
        if clock.now() >= patience:
            return Fate(None, certain=False, why=why)
        await clock.sleep(clock.backoff(attempt, most=4.0))


async def find_running(api: Api, job: Job) -> Upid | None:
    """The running task for the same job, whoever started it, or None."""
    return await _find(api, job, None, (), "active")


async def find_at_work(api: Api, job: Job, nodes: t.Iterable[str]) -> Upid | None:
    """A running task of anybody, on any of the nodes, that makes the same guest from whatever."""
    filters = {"source": "active", "typefilter": job.task_type}
    for entries in [await list_tasks(api, node, filters) for node in nodes]:
        for upid in (entry.upid for entry in entries):
            if job.is_told_by(await first_lines(api, upid)):
                return upid
    return None


async def find_dead(api: Api, job: Job) -> Upid | None:
    """The newest task of the caller for the same job that ended badly, or None."""
    filters = {"source": "archive", "typefilter": job.task_type}
    entries = await list_tasks(api, job.node, filters, retries=None)
    entries = [entry for entry in entries if entry.status and not outcome_of(entry.status).good]
    return await _first_match(api, entries, job, lambda upid: upid.user == api.authid)


async def _find(
    api: Api, job: Job, since: int | None, known: t.Collection[Upid], source: str
) -> Upid | None:
    entries: list[Entry] = []
    for task_type in filter(None, (job.task_type, request_for(job.task_type))):
        filters = {"source": source, "typefilter": task_type, "since": since}
        entries += await list_tasks(api, job.node, filters, retries=1)

    def may_be(upid: Upid) -> bool:
        return upid not in known and (source == "active" or upid.user == api.authid)

    return await _first_match(api, entries, job, may_be)


async def _first_match(
    api: Api, entries: t.Iterable[Entry], job: Job, may_be: t.Callable[[Upid], bool]
) -> Upid | None:
    for upid in (entry.upid for entry in entries):
        if upid.id != job.task_id or not may_be(upid):
            continue
        if job.is_told_by(()) or job.is_told_by(await first_lines(api, upid)):
            return upid
    return None


async def first_lines(api: Api, upid: Upid) -> list[str]:
    """The beginning of a task's log; empty where it may not be read."""
    path = ("nodes", upid.node, "tasks", str(upid), "log")
    try:
        answer = await api.get(path, {"limit": _FIRST_LINES}, retries=1)
    except ApiError:  # not ours to read, so not ours
        return []
    return [str(line["t"]) for line in answer.data or ()]


async def _wait_for_daemon(api: Api, job: Job) -> None:
    """Have a call answered that the node's daemon carries out; any clear answer will do."""
    guest = job.path[:4]
    path = (*guest, "status", "current") if len(guest) == 4 else guest
    with contextlib.suppress(ApiError):
        await api.get(path, retries=0)


async def _target_is_locked(api: Api, job: Job) -> bool:
    """Whether the target is being made, which a caller sees who may not see the task."""
    if not job.repeatable:
        return False
    path = ("nodes", job.node, job.target.kind, job.target.vmid, "config")
    try:
        answer = await api.get(path, retries=0)
    except ApiError as error:
        if error.trouble is Trouble.GONE or error.status == 403:
            return False
        raise
    return (answer.data or {}).get("lock") in ("clone", "create")
