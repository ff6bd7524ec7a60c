# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""reboot_node: restart a node and wait until it is back with quorum.

``POST /nodes/{node}/status`` starts no task, so the node itself is observed: it is back when its
uptime began after the call.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..api import clock
from ..api.answers import read_mapping, read_rows
from ..api.errors import ApiError, NoAnswerError, PveError, UsageError
from ..guests.cluster import GUEST_TYPES
from ..guests.lists import read_list
from ..guests.reading import read_cluster
from ..guests.sight import ALL_GUESTS, sees_all_guests
from ..tasks.listing import list_tasks
from ..tasks.task import Outcome
from ..tasks.types import CONSOLES
from .context import Context, Report, summary

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.cluster import Cluster

_INTERVAL = 2.0
_FORBIDDEN = 403


@dataclass(frozen=True)
class _Members:
    """Which nodes the cluster sees (``GET /cluster/status``); a single node is its own quorum."""

    online: t.Collection[str]
    total: int
    quorate: bool

    @property
    def keeps_quorum(self) -> bool:
        """Whether quorum is left when one more node goes, where each node has one vote."""
        return self.total <= 1 or 2 * (len(self.online) - 1) > self.total


async def run(context: Context) -> Report:
    """Check that the node may go, restart it, wait for its return."""
    params, api = context.params, context.api
    if not params["allow_destructive"]:
        raise UsageError(
            "allow_destructive: a restart ends everything that runs on the node; set it to true to"
            " allow this. Nothing was done"
        )
    cluster = await read_cluster(api, GUEST_TYPES)
    node = cluster.node(params["node"], "node").name
    before = await _uptime(api, node)
    _check_guests(context, cluster, node)
    await _check_sight(context, node)
    await _check_tasks(context, node)
    await _check_quorum(context, node)
    if context.check:
        return _report(node, Outcome.QUEUED, before, 0.0)
    sent = clock.now()
    with context.ends_by_itself():
        try:
            await api.post(("nodes", node, "status"), {"command": "reboot"})
        except NoAnswerError as error:
            if not error.sent:
                raise
            context.warn(f"whether {node} took the call is seen by its restart only: {error}")
        return await _see_through(context, node, before, sent)


def _check_guests(context: Context, cluster: Cluster, node: str) -> None:
    """Refuse to stop guests unless that was asked for."""
    silent = [kind for place, kind in cluster.unread if place == node]
    if silent and not context.params["with_guests"]:
        raise PveError(f"node {node} did not list its guests; it is not restarted")
    running = [one for one in cluster.guests.values() if one.node == node and one.running]
    if running and not context.params["with_guests"]:
        titles = ", ".join(guest.label for guest in running)
        raise PveError(
            f"guests run on {node}: {titles}. Move them away first (drain_node), or set with_guests"
            " to shut them down with it"
        )


async def _check_sight(context: Context, node: str) -> None:
    """Refuse if guests may run there that the caller cannot see: the lists leave those out."""
    if context.params["with_guests"]:
        return
    if not await sees_all_guests(context.api):
        raise PveError(
            f"whether guests run on {node} is not known: the user or token lacks VM.Audit on"
            f" {ALL_GUESTS}, and guests that it cannot see would be shut down. Grant that, or set"
            " with_guests"
        )


async def _check_tasks(context: Context, node: str) -> None:
    """Refuse to end tasks unless that was asked for: an ended clone leaves half a guest."""
    if context.params["with_tasks"]:
        return
    entries = await list_tasks(context.api, node, {"source": "active"}, retries=None)
    upids = [entry.upid for entry in entries if entry.status is None]
    names = ", ".join(str(upid) for upid in upids if upid.type not in CONSOLES)
    if names:
        raise PveError(
            f"tasks run on {node}, and a restart would end them: {names}. Wait for"
            " them (wait_task), or set with_tasks"
        )


async def _check_quorum(context: Context, node: str) -> None:
    members = await _members(context.api)
    if not members.quorate:
        raise PveError(f"the cluster has no quorum; {node} is not restarted")
    if not members.keeps_quorum and not context.params["allow_quorum_loss"]:
        raise PveError(
            f"without {node} the cluster would have no quorum: {len(members.online)} of"
            f" {members.total} nodes are online; allow_quorum_loss allows this"
        )


async def _see_through(context: Context, node: str, before: int, sent: float) -> Report:
    """Wait until the node is back, or the time is up."""
    seen = "it has not gone away yet"
    while clock.now() < sent + context.params["wait_timeout"] and not context.stop.is_set():
        try:
            uptime = await _uptime(context.api, node)
            # The uptime of the same boot only grows.
            if uptime >= before and uptime > clock.now() - sent:
                seen = "it has not gone away yet"
            else:
                seen = await _why_not_ready(context.api, node)
                if not seen:
                    return _report(node, Outcome.OK, uptime, clock.now() - sent)
        except PveError as error:
            if isinstance(error, ApiError) and error.status == _FORBIDDEN:
                raise
            seen = f"it does not answer: {error}"
        await clock.sleep(_INTERVAL)
    problem = f"{node} is not back after {clock.now() - sent:.0f} s: {seen}"
    if context.stop.is_set():
        problem = f"interrupted, {node} restarts all the same: {seen}"
    return _report(node, Outcome.TIMED_OUT, None, clock.now() - sent, problem)


async def _why_not_ready(api: Api, node: str) -> str:
    """What is missing of a node that has booted, empty if nothing is."""
    members = await _members(api)
    if node not in members.online:
        return "the cluster does not see it yet"
    if not members.quorate:
        return "there is no quorum"
    for kind in GUEST_TYPES:
        if await read_list(api, node, kind) is None:
            return "it does not list its guests yet"
    return ""


async def _uptime(api: Api, node: str) -> int:
    state = await read_mapping(api, ("nodes", node, "status"), retries=0)
    return int(state.get("uptime") or 0)


async def _members(api: Api) -> _Members:
    rows = await read_rows(api, ("cluster", "status"))
    nodes = [row for row in rows if row.get("type") == "node"]
    quorate = [str(row.get("quorate")) == "1" for row in rows if row.get("type") == "cluster"]
    online = {str(row.get("name")) for row in nodes if str(row.get("online")) == "1"}
    return _Members(online, len(nodes), all(quorate))


def _report(
    node: str, outcome: Outcome, uptime: int | None, seconds: float, problem: str | None = None
) -> Report:
    return Report(
        {
            "node": node,
            "outcome": outcome.value,
            "uptime": uptime,
            "seconds": round(seconds, 1),
            "summary": summary([outcome]),
        },
        changed=True,
        problem=problem,
        diff={"before": "", "after": f"{node}: restarted\n"},
        would="restart",
        noun="nodes",
    )
