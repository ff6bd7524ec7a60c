# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""task_metrics: figures about the tasks of all nodes, in a file for Prometheus."""

from __future__ import annotations

import asyncio
import typing as t
from pathlib import Path

from ..api.errors import NoAnswerError, PveError, UsageError
from ..tasks.backup_log import read_backup_log
from ..tasks.events.news import News, read_news
from ..tasks.events.position import Position
from ..tasks.figures import Figures
from ..tasks.history import all_nodes
from ..tasks.listing import PAGE
from ..tasks.log import read_whole_log
from ..tasks.state_file import StateFile, read_state, replace_file
from ..tasks.task import UNEXPECTED, Task, outcome_of
from .context import Report

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..tasks.listing import Entry
    from .context import Context

_OPTION = "state"
_MODE = 0o644


async def run(context: Context) -> Report:
    """Count what has ended since the last run, and write the file."""
    path = Path(context.params["path"])
    if path.suffix != ".prom":
        raise UsageError(f"path: {str(path)!r} does not end in .prom, so node_exporter ignores it")
    if not path.parent.is_dir():
        raise UsageError(f"path: there is no folder {str(path.parent)!r}")
    for option in ("retention_days", "limit"):
        if context.params[option] < 1:
            raise UsageError(f"{option}: {context.params[option]} is less than 1")
    state = Path(context.params["state"] or f"{path}.state")
    if context.check:
        figures = read_state(state, _OPTION, Figures.from_json) or Figures()
        return await _report(context, figures, path, None)
    file = StateFile(str(state), _OPTION)
    try:
        figures = file.read(Figures.from_json) or Figures()
        return await _report(context, figures, path, file)
    finally:
        file.close()


async def _report(context: Context, figures: Figures, path: Path, file: StateFile | None) -> Report:
    names = await _names(context, figures)
    results = await asyncio.gather(*(_read(context.api, name, figures) for name in names))
    unreadable = {name: str(one) for name, one in zip(names, results) if isinstance(one, PveError)}
    for name, one in zip(names, results):
        figures.readable[name] = not isinstance(one, PveError)
    new = sum(one for one in results if isinstance(one, int))
    kept = {*names, *figures.positions} if context.params["nodes"] else names
    figures.forget(
        kept,
        now=context.api.server_time(),
        days=context.params["retention_days"],
        most=context.params["limit"],
    )
    text = figures.as_text()
    changed = _content(path) != text
    if file is not None:
        _write(figures, text, path, file)
    series = sum(not line.startswith("#") for line in text.splitlines())
    for name, why in unreadable.items():
        context.warn(f"the tasks of node {name} cannot be read: {why}")
    return Report(
        {
            "path": str(path),
            "series": series,
            "new": new,
            "unreachable_nodes": unreadable,
            "msg": f"{new} tasks ended since the last run; {series} series in {path}",
        },
        changed=changed,
        problem=_problem(names, unreadable),
    )


def _problem(names: t.Sequence[str], unreadable: t.Mapping[str, str]) -> str | None:
    if len(unreadable) < len(names):
        return None
    return "no node could be read for its tasks: " + "; ".join(dict.fromkeys(unreadable.values()))


def _write(figures: Figures, text: str, path: Path, file: StateFile) -> None:
    """The state first: what is counted is never counted again."""
    file.write(figures.as_json())
    try:
        replace_file(path, text.encode(), _MODE)
    except OSError as error:
        raise UsageError(f"path: {path} cannot be written: {error.strerror}") from None


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"path: {path} cannot be read: {error}") from None


async def _names(context: Context, figures: Figures) -> list[str]:
    """The nodes; those of the last run if the API does not answer, to say so of each."""
    wanted: list[str] = context.params["nodes"] or []
    try:
        nodes = await all_nodes(context.api)
    except NoAnswerError:
        if not figures.positions:
            raise
        return wanted or sorted(figures.positions)
    unknown = [node for node in wanted if node not in nodes]
    if unknown:
        raise UsageError(f"there is no node {unknown[0]!r} in the cluster")
    return list(dict.fromkeys(wanted)) or nodes


async def _read(api: Api, node: str, figures: Figures) -> int | PveError:
    """Count the tasks of a node that have ended since the last run; how many, or why not."""
    position = figures.positions.get(node, Position())
    try:
        # Everything in the archive counts at first.
        news = await read_news(api, node, position, since=0.0, expected=PAGE)
        ended = [(task, await _succeeded(api, task)) for task in map(_task, news.ended)]
    except PveError as error:
        return error
    for task, vmids in ended:
        figures.add_ended(task, vmids)
    for entry in news.running:
        figures.add_running(Task(entry.upid))
    figures.gaps[node] += news.gap
    figures.positions[node] = _moved(position, news)
    return len(ended)


def _moved(position: Position, news: News) -> Position:
    if news.first or news.gap:
        position.rebase([str(entry.upid) for entry in news.before], position.endtime)
    for entry in news.ended:
        position.end(entry.upid, entry.endtime)
    return position


def _task(entry: Entry) -> Task:
    status = entry.status or UNEXPECTED
    return Task(entry.upid, outcome_of(status), status, entry.endtime)


async def _succeeded(api: Api, task: Task) -> tuple[int, ...]:
    """The guests for which a task has succeeded; only its log knows those of a backup job."""
    if task.upid.vmid is not None:
        return (task.upid.vmid,) if task.outcome.succeeded else ()
    if task.upid.type != "vzdump":
        return ()
    log = read_backup_log(await read_whole_log(api, task.upid))
    return tuple(one.vmid for one in log.guests if one.finished and not one.errors)
