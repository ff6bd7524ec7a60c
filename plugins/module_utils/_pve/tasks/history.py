# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The history of tasks: the lists of several nodes as one, filtered, newest first."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field, replace

from ..api.answers import malformed, rows_of
from ..api.errors import ApiError, NoAnswerError, PveError, UsageError
from .backup_jobs import BACKUP, jobs_with
from .clocks import NodeClocks
from .listing import list_counted
from .task import Task, outcome_of
from .times import Moment, read_moment

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .listing import Entry

# The values of the option, and those of Proxmox VE (PVE::UPID::normalize_status_type).
_STATUS = {
    "ok": "ok",
    "warnings": "warning",
    "warning": "warning",
    "failed": "error",
    "error": "error",
    "unknown": "unknown",
}
STATUS_WORDS = tuple(_STATUS)
# How many backup jobs of a node to look at.
_MOST_JOBS = 200
# How long the list of one node may take, in seconds; pveproxy gives up on a silent node after 30.
_PATIENCE = 45.0


@dataclass(frozen=True)
class TaskQuery:
    """Which tasks to list; None and empty mean all. Times are start times."""

    types: tuple[str, ...] = ()
    vmid: int | None = None
    user: str | None = None
    status: tuple[str, ...] = ()
    since: Moment | None = None
    until: Moment | None = None
    running: bool | None = None
    limit: int = 50

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> TaskQuery:
        """Parse the options with these names; UsageError for invalid values."""
        limit = _number(options, "limit")
        limit = 50 if limit is None else limit
        if limit < 0:
            raise UsageError(f"limit: {limit} is negative")
        words = _texts(options.get("status"))
        unknown = [word for word in words if word not in _STATUS]
        if unknown:
            raise UsageError(f"status: {unknown[0]!r} is not one of {', '.join(STATUS_WORDS)}")
        return cls(
            types=tuple(dict.fromkeys(_texts(options.get("type")))),
            vmid=_number(options, "vmid"),
            user=options.get("user"),
            status=tuple(dict.fromkeys(_STATUS[word] for word in words)),
            since=read_moment(options.get("since"), "since"),
            until=read_moment(options.get("until"), "until"),
            running=options.get("running"),
            limit=limit,
        )

    @property
    def has_age(self) -> bool:
        """Whether a time counts back from now, by the clock of each node."""
        return any(one is not None and one.age is not None for one in (self.since, self.until))

    @property
    def of_backup_jobs(self) -> TaskQuery | None:
        """The same for backup jobs whose id is not this VMID, None where they cannot match."""
        if self.vmid is None or (self.types and BACKUP not in self.types):
            return None
        return replace(self, types=(BACKUP,), vmid=None, limit=_MOST_JOBS)

    @property
    def userfilter(self) -> str | None:
        """The part of ``user`` that the server can compare.

        For a running task it compares the user including the token, for an ended one only the user.
        So a possible token name is compared here, with the UPIDs.
        """
        user, separator, _token = (self.user or "").partition("!")
        return (user or None) if separator or "@" in user else None

    @property
    def is_partly_ours(self) -> bool:
        """Whether the server returns more than was requested."""
        return bool(self.user) and self.userfilter != self.user

    def filters(self, task_type: str | None, now: float) -> dict[str, t.Any]:
        """The parameters of ``GET /nodes/{node}/tasks`` for one type; ``now`` is its clock.

        Only ended tasks have a status, so a filter on it excludes running ones.
        """
        source = "all"
        if self.running is not None:
            source = "active" if self.running else "archive"
        elif self.status:
            source = "archive"
        return {
            "source": source,
            "typefilter": task_type,
            "vmid": self.vmid,
            "userfilter": self.userfilter,
            "statusfilter": ",".join(self.status) or None,
            "since": None if self.since is None else self.since.by(now),
            "until": None if self.until is None else self.until.by(now),
        }


@dataclass(frozen=True)
class TaskPage:
    """The tasks found, newest start first, and why nodes did not answer, by node.

    ``more`` is how many tasks match beyond the limit, where the server can count them, otherwise at
    least. ``unsearched`` is how many backup jobs of several guests were not searched for the guest.
    """

    tasks: tuple[Task, ...]
    unreachable: t.Mapping[str, str] = field(default_factory=dict)
    more: int = 0
    unsearched: int = 0

    @property
    def truncated(self) -> bool:
        """Whether more tasks match than the limit allows."""
        return self.more > 0

    def unsearched_in_words(self, vmid: int | None) -> str:
        """A warning about these jobs, empty if there are none."""
        if not self.unsearched:
            return ""
        jobs = f"{self.unsearched} backup job{'s' if self.unsearched > 1 else ''}"
        return (
            f"{jobs} of several guests could not be searched for guest {vmid}, starting with the"
            " oldest; a narrower period (since, until) needs less searching"
        )


async def recent_tasks(api: Api, nodes: t.Sequence[str] | None, query: TaskQuery) -> TaskPage:
    """List the tasks of these nodes, or of all, in one request a node and type.

    With a VMID, backup jobs of several guests are searched for it, too, which costs a request for
    each node and at least one for each such job. An unreachable node is part of the result;
    UsageError for one that does not exist, and PveError if no node answers.
    """
    names = list(dict.fromkeys(nodes)) if nodes else await all_nodes(api)
    clocks = NodeClocks(api)
    lists = [_page(api, clocks, name, query) for name in names]
    jobs = query.of_backup_jobs
    if jobs is not None:
        lists += [_page(api, clocks, name, jobs) for name in names]
    pages = await asyncio.gather(*lists)
    tasks: list[Task] = []
    unreachable: dict[str, str] = {}
    for name, page in zip(names, pages):
        if isinstance(page, PveError):
            unreachable[name] = str(page)
        else:
            tasks += page.tasks
    if unreachable and len(unreachable) == len(names):
        raise PveError(
            "no node could be read for its tasks: " + "; ".join(dict.fromkeys(unreachable.values()))
        )
    unsearched = 0
    if jobs is not None:
        lists_of_jobs = pages[len(names) :]
        for name, page in zip(names, lists_of_jobs):
            if isinstance(page, PveError):
                unreachable[name] = str(page)
        inside, unsearched = await _inside_jobs(api, query, tasks, lists_of_jobs)
        tasks += inside
    tasks.sort(key=_age, reverse=True)
    more = max(0, len(tasks) - query.limit)
    unread = sum(page.more for page in pages[: len(names)] if isinstance(page, _Listed))
    return TaskPage(tuple(tasks[: query.limit]), unreachable, more and more + unread, unsearched)


class _Listed(t.NamedTuple):
    """The tasks of a node, and how many more it has."""

    tasks: list[Task]
    more: int


def _age(task: Task) -> tuple[int, int]:
    return task.upid.starttime, task.upid.pstart


async def _inside_jobs(
    api: Api, query: TaskQuery, tasks: t.Sequence[Task], pages: t.Sequence[_Listed | PveError]
) -> tuple[list[Task], int]:
    """The backup jobs of several guests that save this one, unless they are too old to be listed.

    And how many were not searched.
    """
    jobs = [job for page in pages if not isinstance(page, PveError) for job in page.tasks]
    jobs = [job for job in jobs if not job.upid.id]
    jobs.sort(key=_age, reverse=True)
    newest = sorted(map(_age, tasks), reverse=True)[: query.limit]
    if len(newest) == query.limit and newest:
        jobs = [job for job in jobs if _age(job) >= newest[-1]]
    return await jobs_with(api, t.cast("int", query.vmid), jobs, query.limit + 1)


async def all_nodes(api: Api, *, retries: int | None = None) -> list[str]:
    """The names of all nodes of the cluster, sorted."""
    rows = rows_of(await api.get(("nodes",), retries=retries), "GET /nodes")
    if not all(isinstance(row, dict) and isinstance(row.get("node"), str) for row in rows):
        raise malformed("GET /nodes", rows)
    return sorted(row["node"] for row in rows)


async def _page(api: Api, clocks: NodeClocks, node: str, query: TaskQuery) -> _Listed | PveError:
    """The tasks of one node, or why it could not be read within its time."""
    try:
        entries, more = await asyncio.wait_for(_entries(api, clocks, node, query), _PATIENCE)
    except ApiError as error:
        if "hostname lookup" in error.text:
            raise UsageError(f"there is no node {node!r} in the cluster") from error
        return error
    except NoAnswerError as error:
        return error
    except asyncio.TimeoutError:
        return PveError(f"no answer within {_PATIENCE:.0f} s")
    found = {entry.upid: entry for entry in entries}
    return _Listed([_task(entry) for entry in found.values() if _matches(entry, query)], more)


async def _entries(
    api: Api, clocks: NodeClocks, node: str, query: TaskQuery
) -> tuple[list[Entry], int]:
    if query.has_age:
        await clocks.learn(node)
    # The archive is ordered by end, the result by start: with a margin beyond the limit, a long
    # task that ended last does not displace one that started later.
    most = None if query.is_partly_ours else query.limit * 2 + 25
    lists = await asyncio.gather(
        *(
            list_counted(
                api, node, query.filters(task_type, clocks.now(node)), most=most, retries=1
            )
            for task_type in query.types or (None,)
        )
    )
    return [one for entries, _more in lists for one in entries], sum(more for _one, more in lists)


def _matches(entry: Entry, query: TaskQuery) -> bool:
    if query.user and query.user.lower() not in entry.upid.user.lower():
        return False
    return query.running is None or (entry.status is None) == query.running


def _task(entry: Entry) -> Task:
    if entry.status is None:
        return Task(entry.upid)
    return Task(entry.upid, outcome_of(entry.status), entry.status, entry.endtime)


def _texts(value: object) -> list[str]:
    """A list of strings, which may be one comma-separated string."""
    given = value if isinstance(value, (list, tuple)) else [value]
    parts = [part.strip() for one in given if one is not None for part in str(one).split(",")]
    return [part for part in parts if part]


def _number(options: t.Mapping[str, t.Any], name: str) -> int | None:
    value = options.get(name)
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name}: {str(value)[:60]!r} is not a number") from None
