# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of a drain: find the guests, plan where each goes, move them, see what remains."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...api.answers import read_mapping
from ...api.errors import ApiError, Cause, PveError, UsageError
from ...engine.chains import Chain
from ...guests.cluster import GUEST_TYPES
from ...guests.identity import read_while_named
from ...guests.reading import read_cluster
from ...guests.shared_readings import SharedReadings
from ...guests.sight import ALL_GUESTS, sees_all_guests
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Unneeded
from ...operations.lane import Lane
from ..machine import engine
from ..parameters import Planned, check_parameters
from ..references import read_references
from .moves import Move, obstacle, params_of
from .origin import came_from
from .plan import plan
from .report import report

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Cluster, Guest
    from ...operations.job import Job
    from ..context import Context, Report

DRAINED = "drained"


async def run(context: Context) -> Report:
    """Move the guests of the node away, or back."""
    params = context.params
    cluster = await read_cluster(context.api, GUEST_TYPES)
    node = cluster.node(params["node"], "node").name
    candidates = _candidates(params, cluster, node)
    moves = await _moves(context, cluster, node)
    await _check_parameters(context, moves, node)
    planned = await plan(context, moves, cluster, candidates)
    if params["state"] == DRAINED:
        await _warn_of_hidden(context, node)
    if context.check:
        return report(context, planned, {}, cluster)
    due = [one for one in planned if one.target is not None and not one.refusal]
    readings = SharedReadings(context.api)
    async with engine(context) as machine:
        chains = [_chain(context, one, readings) for one in due]
        results = await machine.run_chains(chains) if chains else []
        ended = {one.guest.vmid: result for one, result in zip(due, results)}
        cluster = await read_cluster(context.api) if due else cluster
        return report(context, planned, ended, cluster)


async def _warn_of_hidden(context: Context, node: str) -> None:
    """What the caller cannot see is neither moved nor among what remains."""
    try:
        seen = await sees_all_guests(context.api)
    except PveError:
        seen = False
    if not seen:
        context.warn(
            f"guests on {node} on which the user or token lacks VM.Audit are neither moved nor"
            f" reported; with VM.Audit on {ALL_GUESTS} there are none"
        )


def _candidates(params: t.Mapping[str, t.Any], cluster: Cluster, node: str) -> list[str]:
    """The nodes that guests may go to; UsageError for one that is not there."""
    if params["state"] != DRAINED:
        return [node]
    for name in params["nodes"] or ():
        if name not in cluster.nodes:
            cluster.node(name, "nodes")
        if name == node:
            raise UsageError(f"nodes: {name!r} is the node to drain")
    allowed = params["nodes"] or list(cluster.nodes)
    return [name for name in allowed if name != node and cluster.nodes[name].online]


async def _moves(context: Context, cluster: Cluster, node: str) -> list[Move]:
    """The guests that are meant, with what can be said of them before anything else is read."""
    params = context.params
    drains = params["state"] == DRAINED
    named = _named(params["guests"], cluster, "guests")
    excluded = {guest.vmid for guest in _named(params["exclude"], cluster, "exclude")}
    if params["guests"] is not None:
        chosen = named
    elif drains:
        chosen = [one for one in cluster.guests.values() if one.node == node and _fits(params, one)]
    else:
        chosen = await came_from(context, node, cluster)
    return [
        _with_note(one, cluster, node, drains=drains) for one in chosen if one.vmid not in excluded
    ]


def _named(given: t.Sequence[t.Any] | None, cluster: Cluster, option: str) -> list[Guest]:
    """The guests that the user named, each once; UsageError for one that is not there."""
    found = {}
    for one in read_references(given or (), None):
        guest = one.find(cluster)
        if guest is None:
            raise UsageError(
                f"{option}: there is no guest {one.text!r}, or VM.Audit on it is missing"
            )
        found[guest.vmid] = guest if one.name is None else replace(guest, name=one.name)
    return list(found.values())


def _fits(params: t.Mapping[str, t.Any], guest: Guest) -> bool:
    if guest.template:
        return bool(params["templates"])
    return bool(params["running"] if guest.running else params["stopped"])


def _with_note(guest: Guest, cluster: Cluster, node: str, *, drains: bool) -> Move:
    if (guest.node == node) != drains:
        return Move(guest, note=f"it is on {guest.node} already")
    there = cluster.nodes.get(guest.node)
    if there is not None and not there.online:
        return Move(guest, refusal=f"its node {guest.node} is offline")
    return Move(guest)


async def _check_parameters(context: Context, moves: t.Sequence[Move], node: str) -> None:
    """UsageError for what the API would refuse; the target does not matter to it."""
    guests = [one.guest for one in moves if not one.note and not one.refusal]
    jobs = [(guest, _job(context, guest, node)) for guest in guests]
    await check_parameters(context, [Planned.of(guest.label, job) for guest, job in jobs])


def _job(context: Context, guest: Guest, target: str) -> Job:
    params = params_of(context.params, guest, target)
    job = guest_job(OPERATIONS["migrate"], guest, params, context.params["wait_timeout"])
    return replace(job, lanes=(*job.lanes, Lane(f"target {target}")))


def _chain(context: Context, one: Move, readings: SharedReadings) -> Chain:
    """The migration of a guest, sent only if it may still move when its turn comes."""
    job = _job(context, one.guest, t.cast("str", one.target))
    if one.running is not None:
        return Chain.of(job.adopting(one.running))

    async def recheck(_api: Api) -> None:
        now = await _now(context, one.guest, readings)
        why = obstacle(context.params, now, one.mobility)
        if why:
            raise PveError(why)

    return Chain.of(replace(job, recheck=recheck))


async def _now(context: Context, guest: Guest, readings: SharedReadings) -> Guest:
    """The guest as it is in this moment; Unneeded if it has gone from its node."""
    path = ("nodes", guest.node, guest.type, guest.vmid, "status", "current")
    try:
        state = await read_mapping(context.api, path)
        if guest.name is not None:
            await read_while_named(context.api, guest)
    except ApiError as error:
        if error.cause is not Cause.GONE:
            raise
        now = (await readings.read()).guests.get(guest.vmid)
        raise Unneeded(f"it is on {now.node} by now" if now else "it was removed") from error
    status = str(state.get("status") or guest.status)
    return replace(guest, status=status, lock=state.get("lock"))
