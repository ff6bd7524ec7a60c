# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation: do something of the catalogue to one or many guests."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import dataclass, field, replace

from ..config import (
    SECRETS,
    Configuration,
    Rules,
    config_params,
    difference,
    disk_size,
    read_configuration,
)
from ..errors import UsageError
from ..guests import Guest, Node, kinds_to_name, read_cluster, read_fresh
from ..operations.catalog import OPERATIONS
from ..operations.guest import guest_job
from ..recovery import first_lines
from ..task import Outcome
from ..tasklist import list_tasks
from ..vmids import check_vmid
from ..volumes import size_in_bytes
from .engine import engine
from .result import guest_values, job_report

if t.TYPE_CHECKING:
    from ..client import Api
    from ..command import Context, Report, Values
    from ..guests import Cluster
    from ..operations.catalog import Operation
    from ..operations.job import Job
    from ..scheduler import Result
    from ..upid import Upid


# A task of these that runs already was given other parameters, for all that can be known.
_ALWAYS_NEW = ("configure", "resize")
_NO_NODE = Node("", online=False)


@dataclass(frozen=True)
class _Asked:
    """One guest as the user named it, with the parameters for it."""

    reference: str
    params: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class _Step:
    """One guest and the decision: ``params`` to act with, None where nothing is to be done.

    ``guest`` is None for a guest that is not there: gone already, or not made yet in check mode.
    ``digest`` is the state of the configuration that was compared.
    """

    asked: _Asked
    guest: Guest | None
    params: t.Mapping[str, t.Any] | None
    before: t.Mapping[str, t.Any] = field(default_factory=dict)
    digest: str | None = None


async def run(context: Context) -> Report:
    """Read the guests, decide what differs, act on that."""
    operation = OPERATIONS[context.params["operation"]]
    asked = _asked(context.params)
    _check_allowed(operation, asked, allowed=context.params["allow_destructive"])
    cluster = await read_cluster(context.api, kinds_to_name(one.reference for one in asked))
    _check_targets(operation, asked, cluster)
    found = _find(context, operation, asked, cluster)
    there = [guest for guest in found if guest is not None]
    fresh = {guest.vmid: guest for guest in await read_fresh(context.api, there)}
    steps = await asyncio.gather(
        *(
            _decide(context, operation, one, fresh[guest.vmid] if guest else None)
            for one, guest in zip(asked, found)
        )
    )
    if context.check:
        values = [_values(step, None, check=True) for step in steps]
        return job_report(None, [], values, diff=_diff(operation, steps))
    results = await _act(context, operation, steps)
    values = [_values(step, results.get(index)) for index, step in enumerate(steps)]
    return job_report(context, list(results.values()), values, diff=_diff(operation, steps))


def _asked(params: t.Mapping[str, t.Any]) -> list[_Asked]:
    """Read the list of guests: VMIDs, names, or dictionaries with parameters of their own."""
    common = params["params"] or {}
    asked = []
    for one in params["guests"]:
        own: t.Mapping[str, t.Any] = {}
        reference = one
        if isinstance(one, t.Mapping):
            unknown = sorted(set(one) - {"vmid", "name", "params"})
            if unknown or (one.get("vmid") is None) == (one.get("name") is None):
                raise UsageError(
                    f"guests: {dict(one)!r} is not a vmid or a name, with or without params"
                )
            own = one.get("params") or {}
            reference = one["name"] if one.get("vmid") is None else one["vmid"]
        text = str(reference).strip()
        if isinstance(reference, (list, bool)) or not text:
            raise UsageError(f"guests: {one!r} is neither a VMID nor a name")
        if text.isdigit():
            check_vmid(int(text), "guests")
        asked.append(_Asked(text, {**common, **own}))
    return asked


def _check_allowed(operation: Operation, asked: t.Sequence[_Asked], *, allowed: bool) -> None:
    if allowed:
        return
    for one in asked:
        if operation.is_destructive(one.params):
            raise UsageError(
                f"operation: {operation.name} can destroy data or work of {one.reference};"
                " set allow_destructive to true if that is meant. Nothing was done"
            )


def _check_targets(operation: Operation, asked: t.Sequence[_Asked], cluster: Cluster) -> None:
    if operation.name == "migrate":
        for one in asked:
            cluster.node(str(one.params.get("target") or ""), "params: target")


def _find(
    context: Context, operation: Operation, asked: t.Sequence[_Asked], cluster: Cluster
) -> list[Guest | None]:
    """The guests asked for; absence is fine for delete, and for what a play would have made."""
    absence_is_fine = context.check or operation.name == "delete"
    found: list[Guest | None] = []
    for one in asked:
        guest = cluster.find(one.reference, "guests")
        if guest is None and not absence_is_fine:
            cluster.get(one.reference, "guests")
        if guest is not None and guest.vmid in {g.vmid for g in found if g is not None}:
            raise UsageError(f"guests: {guest.title} is asked for more than once")
        if guest is not None and not cluster.nodes.get(guest.node, _NO_NODE).online:
            raise UsageError(f"guests: {guest.title} cannot be reached, its node is offline")
        found.append(guest)
    return found


async def _decide(
    context: Context, operation: Operation, one: _Asked, guest: Guest | None
) -> _Step:
    """Compare what is with what is wanted."""
    if guest is None:
        gone = operation.name == "delete"
        return _Step(one, None, None if gone else one.params)
    params = config_params(one.params, guest.kind)
    if operation.name in ("configure", "resize"):
        current = await read_configuration(context.api, guest)
        if operation.name == "resize":
            return _Step(one, guest, _resize(current.values, params, guest), current.values)
        rules = Rules(guest.kind, may_replace=context.params["allow_destructive"])
        change = difference(current, params, rules)
        return _Step(one, guest, change.params or None, current.values, current.digest)
    as_wanted = {
        "migrate": guest.node == params.get("target"),
        "start": guest.running,
        "shutdown": guest.status == "stopped",
        "stop": guest.status == "stopped",
        "template": guest.template,
    }.get(operation.name, False)
    return _Step(one, guest, None if as_wanted else params)


def _resize(
    config: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any], guest: Guest
) -> t.Mapping[str, t.Any] | None:
    """The resize that is left to do; a disk never becomes smaller."""
    disk, size = str(params.get("disk") or ""), str(params.get("size") or "")
    if not disk or not size:
        raise UsageError("params: resize needs disk and size, such as scsi0 and 32G or +8G")
    if disk not in config:
        raise UsageError(f"params: {guest.title} has no disk {disk!r}")
    if size.startswith("+"):
        return params
    wanted, current = size_in_bytes(size), disk_size(config, disk)
    if wanted is None:
        raise UsageError(f"params: size {size!r} is not a number with K, M, G or T")
    if current is not None and wanted < current:
        raise UsageError(
            f"params: disk {disk} of {guest.title} is larger than {size}; it cannot be shrunk"
        )
    return None if wanted == current else params


async def _act(
    context: Context, operation: Operation, steps: t.Sequence[_Step]
) -> dict[int, Result]:
    timeout = context.params["wait_timeout"]
    jobs = {
        index: guest_job(operation, step.guest, _with_digest(step), timeout)
        for index, step in enumerate(steps)
        if step.guest is not None and step.params is not None
    }
    if operation.name == "configure":
        jobs = {index: replace(job, done=_is_configured(job)) for index, job in jobs.items()}
    if operation.name not in _ALWAYS_NEW:
        jobs = await _adopting(context, jobs)
    async with engine(context) as machine:
        return dict(zip(jobs, await machine.run(list(jobs.values()))))


def _with_digest(step: _Step) -> dict[str, t.Any]:
    """The parameters, and the state that they were compared with: Proxmox VE refuses another."""
    params = dict(t.cast("t.Mapping[str, t.Any]", step.params))
    if step.digest is not None:
        params.setdefault("digest", step.digest)
    return params


def _is_configured(job: Job) -> t.Callable[[Api], t.Awaitable[bool]]:
    """A look whether the guest says what the job sets, for a call whose answer got lost.

    A volume that was asked for counts as created when the drive is there.
    """
    wanted = {name: value for name, value in job.params.items() if name != "digest"}
    rules = Rules(job.target.kind, keep_secrets=True)
    path = (*job.path[:4], "pending")

    async def is_configured(api: Api) -> bool:
        current = Configuration.parse((await api.get(path)).data or [])
        try:
            return not difference(current, wanted, rules).params
        except UsageError:  # another volume is there than the one that was asked for
            return False

    return is_configured


async def _adopting(context: Context, jobs: t.Mapping[int, Job]) -> dict[int, Job]:
    """Take over what runs already: an earlier call may have been interrupted."""
    nodes = sorted({job.node for job in jobs.values()})
    filters = {"source": "active"}
    lists = await asyncio.gather(*(list_tasks(context.api, node, filters) for node in nodes))
    running = {
        (entry.upid.node, entry.upid.type, entry.upid.id): entry.upid
        for entries in lists
        for entry in entries
        if entry.status is None
    }
    adopted = {}
    for index, job in jobs.items():
        upid = running.get((job.node, job.task_type, job.task_id))
        same = upid is not None and await _goes_there(context, job, upid)
        adopted[index] = job.adopting(upid) if upid and same else job
    return adopted


async def _goes_there(context: Context, job: Job, upid: Upid) -> bool:
    """Whether a task that runs ends where the job shall; of a migration only its log tells."""
    if job.target.node == job.node:
        return True
    node = re.compile(rf"to node '{re.escape(job.target.node)}'")
    return any(node.search(line) for line in await first_lines(context.api, upid))


def _values(step: _Step, result: Result | None, *, check: bool = False) -> Values:
    """One guest of the result; without a result nothing was, or in check mode is to be, done."""
    if result is not None:
        return guest_values(result)
    guest, reference = step.guest, step.asked.reference
    to_do = check and step.params is not None
    return {
        "vmid": guest.vmid if guest else int(reference) if reference.isdigit() else None,
        "name": guest.name if guest else None if reference.isdigit() else reference,
        "node": guest.node if guest else None,
        "kind": guest.kind if guest else None,
        "outcome": (Outcome.QUEUED if to_do else Outcome.UNCHANGED).value,
        "changed": to_do,
        "upid": None,
        "attempts": 0,
        "message": None,
    }


def _diff(operation: Operation, steps: t.Sequence[_Step]) -> dict[str, str]:
    """What changes in each guest, a line for each option or guest; secrets are left out."""
    before, after = [], []
    for step in steps:
        if step.params is None:
            continue
        title = step.guest.title if step.guest else step.asked.reference
        if operation.name != "configure":
            shown = " ".join(f"{name}={value}" for name, value in sorted(step.params.items()))
            after.append(f"{title}: {operation.title} {shown}".rstrip())
            continue
        deleted = str(step.params.get("delete") or "")
        for name in filter(None, deleted.split(",")):
            before.append(f"{title}: {name}: {_shown(name, step.before.get(name))}")
        for name, value in sorted(step.params.items()):
            if name != "delete":
                if name in step.before:
                    before.append(f"{title}: {name}: {_shown(name, step.before[name])}")
                after.append(f"{title}: {name}: {_shown(name, value)}")
    return {
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def _shown(name: str, value: object) -> object:
    return "********" if name in SECRETS else value
