# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of a removal: find the guests, decide about each, stop and delete them, report."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ...api.errors import PveError, UsageError
from ...engine.chains import Chain, ChainStep
from ...guests.config import config_params
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Unneeded
from ...operations.rules.guests import unless_kept
from ..machine import engine
from ..operation.decisions import decide_all, find_all, with_options
from ..operation.flow import job_of
from ..parameters import Planned, check_parameters
from .report import Entry, report

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult
    from ...guests.cluster import Cluster, Guest
    from ...operations.catalog import Operation
    from ...operations.job import Job
    from ..context import Context, Report
    from ..operation.decisions import Decision

REFUSE, FORCED = "refuse", "shutdown_or_stop"


async def run(context: Context) -> Report:
    """Remove each guest, one independent of the others."""
    params = context.params
    if not params["allow_destructive"]:
        raise UsageError(
            "remove_guests: guests would be deleted with their disks; set allow_destructive to"
            " true to allow that. Nothing was done"
        )
    if not params["wait"]:
        raise UsageError("wait: that a guest is gone is verified at the end")
    if any(isinstance(one, t.Mapping) and "params" in one for one in params["guests"] or ()):
        raise UsageError("guests: a guest to remove has only the keys vmid and name")
    inner = with_options(
        context,
        _parameters(params),
        templates=params["templates"],
        force_stop=params["running"] != REFUSE,
    )
    operation = replace(OPERATIONS["delete"], rule=unless_kept(unprotect=params["unprotect"]))
    found, cluster = await find_all(inner, operation)
    if not found:
        context.warn("no guest was selected; nothing was done")
    await check_parameters(inner, _calls(operation, found))
    steps = await decide_all(inner, operation, found, cluster)
    removal = _Removal(inner, operation, cluster)
    entries = [Entry(step, removal.steps_of(step)) for step in steps]
    if not context.check:
        due = [entry for entry in entries if entry.steps]
        async with engine(inner) as machine:
            chains = [Chain(t.cast("Guest", one.step.guest), tuple(one.steps)) for one in due]
            results = await machine.run_chains(chains) if chains else []
        for entry, result in zip(due, results):
            entry.result = result
    return report(context, entries)


def _parameters(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    flags = {"purge": params["purge"], "destroy-unreferenced-disks": params["unreferenced_disks"]}
    return {name: 1 for name, is_set in flags.items() if is_set}


def _calls(operation: Operation, found: t.Sequence[Decision]) -> t.Iterator[Planned]:
    for step in found:
        if step.guest is not None and step.refusal is None:
            params = config_params(step.reference.params, step.guest.type)
            job = guest_job(operation, step.guest, params, None)
            yield Planned.of(step.reference.text, job)


@dataclass(frozen=True)
class _Removal:
    """The steps that remove a guest."""

    context: Context
    operation: Operation
    cluster: Cluster

    def steps_of(self, step: Decision) -> list[ChainStep]:
        """What is to be done to a guest; none where it cannot or need not be removed."""
        if step.guest is None or not step.to_do:
            return []
        steps = []
        if str(step.current.values.get("protection", 0)) == "1":
            steps.append(self._step("unprotect", "configure", step, {"protection": 0}))
        if step.stop_first:
            steps.append(self._stop(step))
        return [*steps, self._delete(step)]

    def _step(
        self, name: str, operation: str, step: Decision, params: t.Mapping[str, t.Any]
    ) -> ChainStep:
        due = replace(step, params=params, stop_first=False)
        return ChainStep(name, job=job_of(self.context, OPERATIONS[operation], due))

    def _stop(self, step: Decision) -> ChainStep:
        how = self.context.params["running"]
        if how == "stop":
            return self._step("stop", "stop", step, {})
        params: dict[str, t.Any] = {"timeout": self.context.params["shutdown_timeout"]}
        if how == FORCED:
            params["forceStop"] = 1
        return self._step("shutdown", "shutdown", step, params)

    def _delete(self, step: Decision) -> ChainStep:
        """The deletion, decided again when it is due: of what is there then, if it still may."""
        selector = step.selector
        if selector is not None and step.stop_first:
            selector = replace(selector, status=None)
        later = replace(step, selector=selector)

        async def prepare(_before: ChainResult) -> Job:
            [now] = await decide_all(self.context, self.operation, [later], self.cluster)
            if now.refusal:
                raise PveError(now.refusal)
            if now.params is None:
                raise Unneeded(now.note or "there is nothing to delete")
            if now.stop_first:
                raise PveError(f"{later.reference.text} runs again; it is not deleted")
            return job_of(self.context, self.operation, now)

        return ChainStep("delete", prepare=prepare)
