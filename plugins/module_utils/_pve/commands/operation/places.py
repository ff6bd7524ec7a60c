# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of an operation on nodes, on a storage of them, or on the cluster: one job for each."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, replace

from ...api.answers import read_rows
from ...api.errors import ApiError, PveError, UsageError
from ...engine.adoption import adopt_running
from ...guests.config import config_params
from ...guests.reading import read_cluster
from ...guests.selector import EVERY
from ...operations.guest import place_job
from ...tasks.task import Outcome
from ..lines import shown_params
from ..machine import engine
from ..parameters import Planned, check_parameters
from ..result import guests_report, problems_of, why_not
from .decisions import common_params
from .recent import max_age

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.scheduler import Result
    from ...guests.cluster import Cluster
    from ...operations.catalog import Operation
    from ...operations.job import Job
    from ..context import Context, Report, Values
    from ..machine import Engine

_FORBIDDEN = 403
_OF_GUESTS = ("guests", "pool", "tags", "type", "status", "name")

_NOUNS = {"node": "nodes", "storage": "storages"}


@dataclass(frozen=True)
class Place:
    """A node, a storage on it or the cluster, and the job that is to be done there.

    ``refusal`` says why nothing can be done to it, ``note`` why nothing needs to be.
    """

    job: Job
    refusal: str | None = None
    note: str | None = None

    @property
    def to_do(self) -> bool:
        """Whether anything is to be done."""
        return self.refusal is None and self.note is None


async def run(context: Context, operation: Operation) -> Report:
    """Make the jobs, leave out what is done already, run the others."""
    params = common_params(context, operation)
    _check(context, operation, params)
    cluster = await read_cluster(context.api)
    places = [
        _place(context, operation, node, cluster, config_params(params, ""))
        for node in await _nodes(context, operation, cluster)
    ]
    calls = [Planned.of(place.job.target.title, place.job) for place in places]
    await check_parameters(context, calls)
    places = list(await asyncio.gather(*(_seen(context.api, place) for place in places)))
    if context.check:
        return place_report(context, places, {})
    async with engine(context) as machine:
        results = await _act(machine, operation, places)
    return place_report(context, places, results)


def _check(context: Context, operation: Operation, params: t.Mapping[str, t.Any]) -> None:
    max_age(context, operation)
    refuse_options(context, _OF_GUESTS, f"{operation.name} is about no guest")
    if operation.scope == "cluster" and context.params["nodes"]:
        raise UsageError(f"nodes: {operation.name} is about the cluster as a whole")
    if operation.scope != "cluster" and not context.params["nodes"]:
        raise UsageError(f"nodes: {operation.name} needs the nodes to do it on, or all")
    if operation.scope == "storage" and context.params["storage"] is None:
        raise UsageError(f"storage: {operation.name} needs the storage to do it on")
    if operation.is_destructive(params):
        check_destruction(context, operation.name)


def refuse_options(context: Context, names: t.Iterable[str], why: str) -> None:
    """UsageError for options that mean nothing here."""
    for name in names:
        if context.params[name] is not None:
            raise UsageError(f"{name}: {why}")


def check_destruction(context: Context, what: str) -> None:
    """UsageError unless it is allowed to destroy something."""
    if not context.params["allow_destructive"]:
        raise UsageError(
            f"operation: {what} can destroy data or work; set allow_destructive to true to allow"
            " that. Nothing was done"
        )


async def _nodes(context: Context, operation: Operation, cluster: Cluster) -> list[str]:
    """The nodes that work, those named that are offline included; all means those online."""
    if operation.scope == "cluster":
        return [await answering_node(context.api, cluster)]
    given = list(dict.fromkeys(context.params["nodes"]))
    if EVERY in given:
        return [node.name for node in cluster.nodes.values() if node.online]
    for name in given:
        if name not in cluster.nodes:
            cluster.node(name, "nodes")
    return given


async def answering_node(api: Api, cluster: Cluster) -> str:
    """The node that answers this caller, which does what is asked of the cluster.

    Who may not read that gets the first node that is online.
    """
    try:
        rows = await read_rows(api, ("cluster", "status"))
    except ApiError:
        rows = []
    local = next((str(row["name"]) for row in rows if row.get("local") in (1, True, "1")), None)
    online = [node.name for node in cluster.nodes.values() if node.online]
    if local is None and not online:
        raise PveError("no node of the cluster is online, or none may be seen")
    return local or online[0]


def _place(
    context: Context,
    operation: Operation,
    node: str,
    cluster: Cluster,
    params: t.Mapping[str, t.Any],
) -> Place:
    storage, timeout = context.params["storage"], context.params["wait_timeout"]
    job = place_job(operation, node, storage, params, timeout)
    there = cluster.nodes.get(node)
    if there is not None and not there.online:
        return Place(job, refusal=f"{job.target.title} cannot be reached: node {node} is offline")
    return Place(job)


async def _seen(api: Api, place: Place) -> Place:
    """The place, with a note where the effect is there already.

    Who may not read that leaves it to Proxmox VE, which refuses what is there already.
    """
    if not place.to_do or place.job.done is None:
        return place
    try:
        done = await place.job.done(api)
    except PveError as error:
        if isinstance(error, ApiError) and error.status == _FORBIDDEN:
            return place
        return replace(place, refusal=str(error))
    return replace(place, note="it is as wanted already") if done else place


async def _act(
    machine: Engine, operation: Operation, places: t.Sequence[Place]
) -> dict[int, Result]:
    """Run the jobs; results by index."""
    jobs = {index: place.job for index, place in enumerate(places) if place.to_do}
    unknown: dict[int, Result] = {}
    if operation.adopts:
        jobs, unknown = await adopt_running(machine.context.api, jobs)
    return {**dict(zip(jobs, await machine.run(list(jobs.values())))), **unknown}


def place_report(
    context: Context, places: t.Sequence[Place], results: t.Mapping[int, Result]
) -> Report:
    """What became of each place, or in a plan what would."""
    values = [_values(place, results.get(index)) for index, place in enumerate(places)]
    refused = [place.refusal for place in places if place.refusal is not None]
    problems = [*refused, *problems_of(context, results.values())]
    tasks = [task for result in results.values() for task in result.tasks]
    due = [place.job for place in places if place.to_do]
    gone = [job for job in due if job.method == "DELETE"]
    before = [f"{job.target.title}: /{'/'.join(map(str, job.path))}" for job in gone]
    after = [_line(job) for job in due if job.method != "DELETE"]
    kinds = {place.job.target.type for place in places}
    noun = _NOUNS.get(kinds.pop(), "") if len(kinds) == 1 else ""
    report = guests_report(values, tasks, problems, (before, after), "targets")
    return report.with_verb(places[0].job.title if places else "", noun)


def _line(job: Job) -> str:
    """What a job does, in a line; secrets are left out."""
    shown = " ".join(f"{name}={value}" for name, value in shown_params(job.params))
    return f"{job.target.title}: {job.title} {shown}".rstrip()


def _values(place: Place, result: Result | None) -> Values:
    target = place.job.target
    outcome = Outcome.QUEUED if place.to_do else Outcome.UNCHANGED
    if place.refusal is not None:
        outcome = Outcome.FAILED
    task = None if result is None else result.task
    return {
        "node": target.node,
        "storage": target.name,
        "outcome": (outcome if result is None else result.outcome).value,
        "changed": place.to_do if result is None else result.changed,
        "upid": str(task.upid) if task else None,
        "attempts": 0 if result is None else result.attempts,
        "message": place.refusal or place.note if result is None else why_not(result),
    }
