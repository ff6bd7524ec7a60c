# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The history of tasks: the lists of several nodes as one, filtered, newest first."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

from .errors import ApiError, NoAnswerError, PveError, UsageError
from .task import Task, outcome_of
from .tasklist import list_tasks

if t.TYPE_CHECKING:
    from .client import Api
    from .tasklist import Entry

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# The words of an option and Proxmox VE's own (PVE::UPID::normalize_status_type).
_STATUS = {
    "ok": "ok",
    "warnings": "warning",
    "warning": "warning",
    "failed": "error",
    "error": "error",
    "unknown": "unknown",
}
STATUS_WORDS = tuple(_STATUS)


@dataclass(frozen=True)
class TaskQuery:
    """Which tasks to list; None and empty mean all. Times are epoch seconds of the start."""

    type: str | None = None
    vmid: int | None = None
    user: str | None = None
    status: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    running: bool | None = None
    limit: int = 50

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any], now: float) -> TaskQuery:
        """Read the options of these names; ``now`` is the server's clock, for ages."""
        limit = options.get("limit")
        limit = 50 if limit is None else int(limit)
        if limit < 0:
            raise UsageError(f"limit: {limit} is negative")
        status = options.get("status") or ()
        words = [status] if isinstance(status, str) else list(status)
        unknown = [word for word in words if word not in _STATUS]
        if unknown:
            raise UsageError(f"status: {unknown[0]!r} is not one of {', '.join(STATUS_WORDS)}")
        return cls(
            type=options.get("type"),
            vmid=_number(options, "vmid"),
            user=options.get("user"),
            status=tuple(dict.fromkeys(_STATUS[word] for word in words)),
            since=parse_time(options.get("since"), now, "since"),
            until=parse_time(options.get("until"), now, "until"),
            running=options.get("running"),
            limit=limit,
        )

    def filters(self) -> dict[str, t.Any]:
        """The parameters of ``GET /nodes/{node}/tasks``.

        A status is a thing of ended tasks, so a filter on it leaves the running ones out.
        """
        source = "all"
        if self.running is not None:
            source = "active" if self.running else "archive"
        elif self.status:
            source = "archive"
        return {
            "source": source,
            "typefilter": self.type,
            "vmid": self.vmid,
            # Of an archived task only the user is compared, of a running one the token as well.
            "userfilter": self.user.split("!")[0] if self.user else None,
            "statusfilter": ",".join(self.status) or None,
            "since": self.since,
            "until": self.until,
        }


async def read_query(api: Api, options: t.Mapping[str, t.Any]) -> TaskQuery:
    """The query that the options ask for; an age counts back from the server's clock."""
    if any(_AGE.match(str(options.get(name) or "").strip()) for name in ("since", "until")):
        await api.get(("version",))  # any answer tells the time
    return TaskQuery.from_options(options, api.server_time())


@dataclass(frozen=True)
class TaskPage:
    """The tasks found, newest start first, and why which nodes did not answer."""

    tasks: tuple[Task, ...]
    unreachable: t.Mapping[str, str] = field(default_factory=dict)


async def recent_tasks(api: Api, nodes: t.Sequence[str] | None, query: TaskQuery) -> TaskPage:
    """List the tasks of these nodes, or of all, in one request a node.

    A node that cannot be reached is data; one that does not exist raises UsageError.
    """
    names = list(dict.fromkeys(nodes)) if nodes else await _all_nodes(api)
    pages = await asyncio.gather(*(_page(api, name, query) for name in names))
    tasks: list[Task] = []
    unreachable: dict[str, str] = {}
    for name, page in zip(names, pages):
        if isinstance(page, PveError):
            unreachable[name] = str(page)
        else:
            tasks += page
    tasks.sort(key=lambda task: (task.upid.starttime, task.upid.pstart), reverse=True)
    return TaskPage(tuple(tasks[: query.limit]), unreachable)


async def _all_nodes(api: Api) -> list[str]:
    return sorted(str(row["node"]) for row in (await api.get(("nodes",))).data or [])


async def _page(api: Api, node: str, query: TaskQuery) -> list[Task] | PveError:
    if query.limit == 0:
        return []
    try:
        # The archive is ordered by the end, the result by the start: a margin beyond the limit
        # lets a long task that ended last not push out one that started later.
        most = None if "!" in (query.user or "") else query.limit * 2 + 25
        entries = await list_tasks(api, node, query.filters(), most=most, retries=1)
    except ApiError as error:
        if "hostname lookup" in error.text:
            raise UsageError(f"there is no node {node!r} in the cluster") from error
        return error
    except NoAnswerError as error:
        return error
    found = {entry.upid: entry for entry in entries}
    return [_task(entry) for entry in found.values() if _matches(entry, query)]


def _matches(entry: Entry, query: TaskQuery) -> bool:
    if query.user and query.user.lower() not in entry.upid.user.lower():
        return False
    return query.running is None or (entry.status is None) == query.running


def _task(entry: Entry) -> Task:
    if entry.status is None:
        return Task(entry.upid)
    return Task(entry.upid, outcome_of(entry.status), entry.status, entry.endtime)


def _number(options: t.Mapping[str, t.Any], name: str) -> int | None:
    value = options.get(name)
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name}: {value!r} is not a number") from None


def parse_time(value: object, now: float, option: str) -> int | None:
    """Epoch seconds from an epoch, ISO 8601 (UTC unless it says otherwise) or an age (``2h``)."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    age = _AGE.match(text)
    if age:
        return int(now - float(age.group(1)) * _SECONDS[age.group(2)])
    if re.match(r"\d+(\.\d+)?\Z", text):
        return int(float(text))
    try:
        moment = datetime.fromisoformat(re.sub(r"[Zz]\Z", "+00:00", text))
    except ValueError:
        raise UsageError(
            f"{option}: {text!r} is neither epoch seconds, nor ISO 8601 (2025-09-08T20:19:13Z),"
            " nor an age (90s, 2h, 7d)"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp())
