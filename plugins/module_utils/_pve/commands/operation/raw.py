# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call of the API by its path, for what the catalogue lacks: sent once, its task waited for.

Nothing is known of such a call but its answer. So it counts as destructive, its task is the one
that the answer names and no other, and without an answer it cannot be determined what it did.
"""

from __future__ import annotations

import typing as t
from urllib.parse import unquote

from ...api.errors import UsageError
from ...guests.config import config_params
from ...guests.reading import read_cluster
from ...operations.job import Job, common_lanes
from ...operations.job import Place as PlaceTarget
from ...tasks.types import default_wait_timeout
from ..machine import engine
from ..parameters import Planned, check_parameters
from ..references import parameters
from .places import Place, answering_node, check_destruction, place_report, refuse_options

if t.TYPE_CHECKING:
    from ...api.calls import Segments
    from ..context import Context, Report

_PREFIXES = ("/api2/json", "/api2/extjs")
_OTHERS = ("guests", "pool", "tags", "nodes", "type", "status", "name", "storage", "max_age")


async def run(context: Context) -> Report:
    """Send the call and wait for its task; a GET reads and changes nothing."""
    refuse_options(context, _OTHERS, "a call by its path has only params")
    method, path = context.params["method"], context.params["path"]
    if method is None or path is None:
        raise UsageError("method: give both method and path")
    segments = read_path(path)
    params = config_params(parameters(context.params["params"] or {}), "")
    if method != "GET":
        check_destruction(context, f"{method} {path}")
    title = f"{method} {path}"
    await check_parameters(context, [Planned(title, method, segments, params)])
    place = Place(await _job(context, method, segments, params))
    if method == "GET":
        report = place_report(context, [], {})
        data = (await context.api.get(segments, params)).data
        return _with_data(report, data)
    if context.check:
        return place_report(context, [place], {})
    async with engine(context) as machine:
        [result] = await machine.run([place.job])
    return _with_data(place_report(context, [place], {0: result}), result.data)


def read_path(path: str) -> Segments:
    """The parts of a path as the API viewer shows it, with ``/api2/json`` in front or without."""
    text = path.strip()
    for prefix in _PREFIXES:
        text = text[len(prefix) :] if text.startswith(f"{prefix}/") else text
    parts = text.strip("/").split("/")
    if not text.startswith("/") or not all(parts):
        raise UsageError(f"path: {path!r} does not begin with / or has an empty part")
    if "?" in text or "#" in text:
        raise UsageError(f"path: {path!r} has a query; give that in params")
    found = tuple(map(unquote, parts))
    if any(part in (".", "..") or part.startswith("{") for part in found):
        raise UsageError(f"path: {path!r} has parts that are not filled in")
    return found


async def _job(context: Context, method: str, path: Segments, params: t.Mapping[str, t.Any]) -> Job:
    """The job of the call; its node is that of the path, for others the one that answers."""
    on_node = path[0] == "nodes" and len(path) > 1
    node = str(path[1]) if on_node else ""
    if not on_node and method != "GET":
        node = await answering_node(context.api, await read_cluster(context.api))
    timeout = context.params["wait_timeout"]
    return Job(
        title=f"{method} /{'/'.join(map(str, path))}",
        target=PlaceTarget(0, "node" if on_node else "cluster", node, None, "unknown"),
        node=node,
        method=method,
        path=path,
        params=params,
        task_type="",
        task_id=None,
        timeout=default_wait_timeout("") if timeout is None else timeout,
        lanes=common_lanes(node, None),
        returns="any",
        once=True,
    )


def _with_data(report: Report, data: t.Any) -> Report:
    """The report with what the call returned, null where that was a task."""
    report.values["data"] = data
    return report
