# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task lists of nodes: a paging reader, and its entries."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..api.answers import count_of, malformed, rows_of
from .upid import Upid, UpidError

if t.TYPE_CHECKING:
    from ..api.client import Api

PAGE = 500
_RUNNING = "RUNNING"
# The start of a task has eight hexadecimal digits in its UPID, and its end is limited likewise.
_LATEST = 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """One line of ``GET /nodes/{node}/tasks``.

    ``status`` is the exit status, None while the task runs; ``endtime`` is when Proxmox VE
    noticed the end, in epoch seconds. ``archived`` is whether the entry is from the archive.
    """

    upid: Upid
    status: str | None
    endtime: int | None
    archived: bool = True


async def list_tasks(
    api: Api,
    node: str,
    filters: t.Mapping[str, t.Any],
    *,
    most: int | None = None,
    retries: int | None = 0,
    lenient: bool = False,
) -> list[Entry]:
    """The tasks of a node that match, at most ``most`` of them, in the server's order.

    ``filters`` are the call's own parameters (``source``, ``since``, ``typefilter``, ...). The
    limit is always sent, because the server's default of 50 would hide the rest. A malformed row
    raises NoAnswerError; with ``lenient`` it is left out, for callers that draw no conclusions from
    its absence.
    """
    return (await list_counted(api, node, filters, most=most, retries=retries, lenient=lenient))[0]


async def list_counted(
    api: Api,
    node: str,
    filters: t.Mapping[str, t.Any],
    *,
    most: int | None = None,
    retries: int | None = 0,
    lenient: bool = False,
) -> tuple[list[Entry], int]:
    """The tasks of ``list_tasks``, and how many more the server has that match."""
    tried = f"GET /nodes/{node}/tasks"
    entries: list[Entry] = []
    seen = 0
    while True:
        limit = PAGE if most is None else min(PAGE, most - seen)
        rows, total = await _page(api, node, filters, (seen, limit), retries)
        entries += _entries(rows, tried, lenient=lenient)
        seen += len(rows)
        if not rows or seen >= total or (most is not None and seen >= most):
            return entries, max(0, total - seen)


async def list_until(
    api: Api,
    node: str,
    filters: t.Mapping[str, t.Any],
    first: int,
    enough: t.Callable[[list[Entry]], bool],
) -> None:
    """The same page by page, until ``enough`` says so of a page; malformed rows are left out.

    ``first`` is the size of the first page.
    """
    seen, limit = 0, min(first, PAGE)
    while True:
        rows, total = await _page(api, node, filters, (seen, limit), 0)
        done = enough(list(_entries(rows, f"GET /nodes/{node}/tasks", lenient=True)))
        seen, limit = seen + len(rows), PAGE
        if done or not rows or seen >= total:
            return


async def _page(
    api: Api,
    node: str,
    filters: t.Mapping[str, t.Any],
    extent: tuple[int, int],
    retries: int | None,
) -> tuple[list[t.Any], int]:
    """The rows of a page from its ``(start, limit)``, and the number of all rows."""
    tried = f"GET /nodes/{node}/tasks"
    start, limit = extent
    page = {**filters, "start": start or None, "limit": limit}
    answer = await api.get(("nodes", node, "tasks"), page, retries=retries)
    rows, total = rows_of(answer, tried), count_of(answer.total)
    if total is None:
        raise malformed(tried, answer.total)
    return rows, total


def _entries(rows: t.Iterable[t.Any], tried: str, *, lenient: bool) -> t.Iterator[Entry]:
    for row in rows:
        try:
            yield _entry(row)
        except UpidError:  # not a task that we could have started or that a user could name
            continue
        except (TypeError, AttributeError) as exc:
            if not lenient:
                raise malformed(tried, row) from exc


def _entry(row: t.Mapping[str, t.Any]) -> Entry:
    upid = Upid.parse(row.get("upid"))
    status, endtime = row.get("status"), row.get("endtime")
    if status is None or status == _RUNNING:
        return Entry(upid, None, None, "saved" not in row)
    ended = count_of(endtime)
    if not isinstance(status, str) or (endtime is not None and ended is None):
        raise TypeError("the end of a task")
    if ended is not None and not 0 <= ended <= _LATEST:
        raise TypeError("the end of a task")
    return Entry(upid, status, ended, "saved" not in row)
