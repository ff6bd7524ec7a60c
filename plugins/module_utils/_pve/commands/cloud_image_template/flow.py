# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow: find what is there, make what is missing, remove what is too old, then the images."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...api.errors import PveError, UsageError
from ...engine.adoption import adopt_running
from ...guests.reading import read_cluster
from ...guests.vmids import VmidRange, Vmids
from ...operations.job import Unneeded
from ..machine import engine
from ..parameters import check_parameters
from ..result import is_failure
from .image import read_image
from .report import Done, report
from .steps import Steps
from .surplus import check_surplus, choose_surplus
from .targets import find_targets, has_image

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.attempts import Result
    from ...guests.cluster import Cluster
    from ...operations.job import Job
    from ..context import Context, Report
    from ..machine import Engine
    from .targets import Target


async def run(context: Context) -> Report:
    """Make the templates."""
    image = read_image(context.params)
    _check(context)
    cluster = await read_cluster(context.api, ("qemu",))
    targets = await find_targets(context, image, cluster)
    steps = Steps(context, image)
    missing = [one for one in targets if not one.refusal and one.have is None]
    await check_parameters(context, [call for one in missing for call in steps.calls(one)])
    for one in targets:
        if not one.refusal:
            choose_surplus(context, one)
    if context.check:
        return await _plan(context, image.identity, targets)
    async with engine(context) as machine:
        done = await _act(machine, steps, targets, cluster)
        return report(context, image.identity, done)


def _check(context: Context) -> None:
    for name, least in (("keep", 1), ("disk_gib", 1), ("cores", 1), ("memory", 16)):
        value = context.params[name]
        if value is not None and value < least:
            raise UsageError(f"{name}: {value} is less than {least}")


async def _plan(context: Context, identity: str, targets: t.Sequence[Target]) -> Report:
    """The report of check mode: what would be removed is asked, too."""
    for one in targets:
        surplus = []
        for guest in one.surplus:
            try:
                await check_surplus(context.api, guest)
                surplus.append(guest)
            except PveError as error:
                one.stuck[guest.vmid] = str(error)
        one.surplus = tuple(surplus)
    return report(context, identity, [Done(one) for one in targets])


async def _act(
    machine: Engine, steps: Steps, targets: t.Sequence[Target], cluster: Cluster
) -> list[Done]:
    """Run the chains of all targets, then remove the images."""
    text = machine.context.params["vmid_range"]
    allowed = VmidRange.parse(text) if text else None
    vmids = Vmids(machine.context.api, cluster.guests, allowed)
    for one in targets:
        if one.guest is None and not one.refusal:
            one.vmid = await vmids.take()
    downloads = await _downloads(machine, steps, targets)
    done = [Done(one) for one in targets]
    chains = {}
    for index, one in enumerate(targets):
        chain = None if one.refusal else steps.chain(machine, one, downloads.get(index))
        if chain is not None:
            chains[index] = chain
    results = await machine.run_chains(list(chains.values()), vmids) if chains else []
    for index, result in zip(chains, results):
        done[index].result = result
    if not machine.context.params["keep_image"]:
        await _remove_images(machine, steps, done)
    return done


async def _downloads(machine: Engine, steps: Steps, targets: t.Sequence[Target]) -> dict[int, Job]:
    """The downloads that are needed, by target; one that runs already is adopted."""
    jobs = {
        index: steps.download(one)
        for index, one in enumerate(targets)
        if not one.refusal and one.guest is None and not one.there
    }
    adopted, unknown = await adopt_running(machine.context.api, jobs)
    for index, result in unknown.items():
        targets[index].refusal = result.message or "unknown"
    return adopted


async def _remove_images(machine: Engine, steps: Steps, done: t.Sequence[Done]) -> None:
    """Remove the image of each storage, unless it is still needed for a template that failed."""
    context = machine.context
    groups: dict[tuple[str, str], list[Done]] = {}
    for one in done:
        groups.setdefault((one.target.image, "" if one.target.shared else one.target.node), [])
        groups[(one.target.image, "" if one.target.shared else one.target.node)].append(one)
    chosen = [
        group[0]
        for group in groups.values()
        if all(_is_well(context, one) for one in group) and any(one.has_image for one in group)
    ]
    if context.stop.is_set():
        return
    jobs = [_if_there(steps.image_removal(one.target), one.target) for one in chosen]
    results: list[Result] = await machine.run(jobs)
    for one, result in zip(chosen, results):
        one.removal = result


def _is_well(context: Context, one: Done) -> bool:
    if one.target.refusal:
        return False
    if one.result is None:
        return True
    # With wait=false, or after a timeout that is accepted, a task still reads the image.
    ended = one.result.outcome.succeeded and not one.result.missing
    return ended and not is_failure(context, one.result.outcome)


def _if_there(job: Job, target: Target) -> Job:
    async def recheck(api: Api) -> None:
        if not await has_image(api, target.node, target.image):
            raise Unneeded("already removed")

    return replace(job, recheck=recheck)
