# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides what an operation has to do to each guest, one guest at a time.

A problem of one guest is the failure of that guest, and does not affect the others.
"""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field, replace

from ...api.errors import PveError, UsageError
from ...guests.cluster import GUEST_TYPES, Guest
from ...guests.config import Configuration, config_params
from ...guests.lists import read_states
from ...guests.reading import read_cluster
from ...guests.selector import Selector
from ...guests.vmids import why_not_gone
from ...operations.reading import read_situation
from ...operations.rules import Situation
from ..references import GuestReference, not_named, parameters, read_references
from ..selection import check_selector, no_longer, selected
from .recent import without_recent

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Cluster
    from ...operations.catalog import Operation
    from ..context import Context


@dataclass(frozen=True)
class Decision:
    """One guest and the decision: ``params`` to act with, None where nothing is to be done.

    ``guest`` is None for a guest that is not there: gone already, or not created yet in check mode.
    ``refusal`` says why nothing can be done to it, ``note`` why nothing needs to be. ``current`` is
    the configuration that was compared, ``awaited`` are options that a restart will apply.
    ``stop_first`` says that the guest runs and is to be stopped before. ``selector`` is set for a
    guest that was not named, and ``exists`` is false for one that is to be created.
    """

    reference: GuestReference
    guest: Guest | None = None
    params: t.Mapping[str, t.Any] | None = None
    refusal: str | None = None
    current: Configuration = field(default_factory=Configuration)
    awaited: tuple[str, ...] = ()
    stop_first: bool = False
    selector: Selector | None = None
    note: str | None = None
    exists: bool = True

    @property
    def runs(self) -> bool:
        """Whether the guest exists and runs."""
        return self.guest is not None and self.guest.running

    @property
    def to_do(self) -> bool:
        """Whether there is anything to do."""
        return self.params is not None and self.refusal is None


def with_options(context: Context, params: t.Mapping[str, t.Any], **options: t.Any) -> Context:
    """The context of another module with the options that are read here."""
    own = {
        "params": dict(params),
        "templates": False,
        "storage": None,
        "force_stop": False,
        "update_password": "always",
        "max_age": None,
    }
    return replace(context, params={**context.params, **own, **options})


async def find_all(context: Context, operation: Operation) -> tuple[list[Decision], Cluster]:
    """Read the cluster once and find every guest; existing ones are decided about later.

    UsageError where it is not clear which guests are meant, or that are refused all together.
    """
    params = context.params
    selector = Selector.from_params(params, templates=params["templates"])
    if operation.creates:  # there the option says where
        selector = replace(selector, nodes=())
    if selector.is_set == (params["guests"] is not None):
        raise UsageError(
            "guests: give either guests, or options that select them (pool, tags, nodes, type,"
            " status, name); nodes: all selects every guest"
        )
    if params["guests"] is None:
        return await _select_all(context, operation, selector)
    references = read_references(params["guests"], common_params(context, operation))
    for one in references:
        _check_allowed(operation, one.text, one.params, allowed=params["allow_destructive"])
    named = any(one.name is not None for one in references)
    cluster = await read_cluster(context.api, GUEST_TYPES if named else ())
    found = [_find(context, operation, one, cluster) for one in references]
    _check_doubles(found)
    if operation.removes:
        found = list(await asyncio.gather(*(_unless_hidden(context.api, step) for step in found)))
    return found, cluster


async def _unless_hidden(api: Api, step: Decision) -> Decision:
    """A guest that is not listed is gone only if its VMID is free."""
    vmid = step.reference.vmid
    if step.guest is not None or step.refusal is not None or vmid is None:
        return step
    why = await why_not_gone(api, vmid)
    return replace(step, params=None, refusal=why) if why else step


def common_params(context: Context, operation: Operation) -> dict[str, t.Any]:
    """The option params, with the options storage and nodes as far as they are parameters, too."""
    storage, nodes = context.params["storage"], context.params["nodes"]
    found = dict(parameters(context.params["params"] or {}))
    if storage is not None and operation.scope != "storage":
        found.setdefault("storage", storage)
    if operation.creates and nodes:
        if len(nodes) > 1:
            raise UsageError(f"nodes: {operation.name} creates a guest on one node")
        found.setdefault("node", nodes[0])
    return found


async def _select_all(
    context: Context, operation: Operation, selector: Selector
) -> tuple[list[Decision], Cluster]:
    common = common_params(context, operation)
    allowed = context.params["allow_destructive"]
    _check_allowed(operation, f"each guest with {selector.title}", common, allowed=allowed)
    cluster = await read_cluster(context.api, GUEST_TYPES)
    await check_selector(context.api, selector, cluster)
    references = [
        GuestReference(guest.vmid, None, common) for guest in selected(context, selector, cluster)
    ]
    found = [_find(context, operation, one, cluster) for one in references]
    return [replace(step, selector=selector) for step in found], cluster


def _check_allowed(
    operation: Operation, whom: str, params: t.Mapping[str, t.Any], *, allowed: bool
) -> None:
    if not allowed and operation.is_destructive(params):
        raise UsageError(
            f"operation: {operation.name} can destroy data or work of {whom};"
            " set allow_destructive to true to allow this. Nothing was done"
        )


async def decide_all(
    context: Context, operation: Operation, found: t.Sequence[Decision], cluster: Cluster
) -> list[Decision]:
    """Read each guest afresh and decide about every one."""
    steps = await _with_states(context.api, found)
    decided = await asyncio.gather(*(_decide(context, operation, step, cluster) for step in steps))
    return await without_recent(context, operation, decided)


def _find(
    context: Context, operation: Operation, one: GuestReference, cluster: Cluster
) -> Decision:
    """The guest, or why it is missing, which is fine for delete and for new guests."""
    try:
        guest = one.find(cluster)
    except UsageError as error:
        return Decision(one, refusal=str(error))
    if guest is None:
        return _absent(context, operation, one, cluster)
    node = cluster.nodes.get(guest.node)
    if node is not None and not node.online:
        return Decision(one, guest, refusal=f"{guest.title} cannot be reached: its node is offline")
    return Decision(one, guest)


def _absent(
    context: Context, operation: Operation, one: GuestReference, cluster: Cluster
) -> Decision:
    if operation.creates:
        return _newcomer(operation, one, cluster)
    if context.check or operation.removes:
        return Decision(one, params=None if operation.removes else one.params)
    return Decision(
        one,
        refusal=f"there is no guest {one.text!r} in the cluster, or the user or token"
        " lacks VM.Audit on it",
    )


def _newcomer(operation: Operation, one: GuestReference, cluster: Cluster) -> Decision:
    """A guest that is to be created on the node that its parameters name."""
    params = one.params
    kind = operation.type_of_guest(params)
    try:
        if one.vmid is None:
            raise UsageError(f"there is no guest {one.text!r}; a new one is given by its VMID")
        if one.name is not None:
            raise UsageError("guests: a new guest gets its name from params")
        if kind is None:
            raise UsageError("params: archive does not say whether it is of a VM or a container")
        node = cluster.node(str(params.get("node") or ""), "params: node").name
    except UsageError as error:
        return Decision(one, refusal=str(error))
    name = params.get("name" if kind == "qemu" else "hostname")
    guest = Guest(one.vmid, kind, node, None if name is None else str(name), "stopped")
    return Decision(one, guest, exists=False)


def _check_doubles(steps: t.Sequence[Decision]) -> None:
    seen: set[int] = set()
    for guest in [step.guest for step in steps if step.guest is not None]:
        if guest.vmid in seen:
            raise UsageError(f"guests: {guest.title} is listed more than once")
        seen.add(guest.vmid)


async def _with_states(api: Api, steps: t.Sequence[Decision]) -> list[Decision]:
    """The steps with current states; guests of a silent node are refused."""
    there = [step.guest for step in steps if step.guest is not None and _is_there(step)]
    fresh = await read_states(api, there)
    return [
        _with_state(step, fresh.get(t.cast("Guest", step.guest).vmid)) if _is_there(step) else step
        for step in steps
    ]


def _is_there(step: Decision) -> bool:
    return step.guest is not None and step.exists and step.refusal is None


def _with_state(step: Decision, fresh: Guest | None) -> Decision:
    guest = t.cast("Guest", step.guest)
    if fresh is None:
        return replace(
            step,
            refusal=f"{guest.title} cannot be reached: node {guest.node} did not list its guests",
        )
    named = step.reference.name
    if named is not None and fresh.name != named:
        return replace(step, guest=fresh, refusal=not_named(fresh, named))
    if step.selector is not None and not step.selector.fits(fresh):
        return replace(step, guest=fresh, note=no_longer(fresh, step.selector))
    return replace(step, guest=fresh)


async def _decide(
    context: Context, operation: Operation, step: Decision, cluster: Cluster
) -> Decision:
    """Compare the guest with the request; errors refuse only this guest."""
    guest = step.guest
    if guest is None or step.refusal is not None or step.note is not None:
        return step
    try:
        operation.call_for(guest.type)
        there = Situation(
            guest,
            config_params(step.reference.params, guest.type),
            cluster,
            exists=step.exists,
            may_replace=context.params["allow_destructive"],
            keep_secrets=context.keeps_secrets,
            force_stop=context.params["force_stop"],
        )
        there = await read_situation(context.api, operation, there)
        step = replace(step, current=there.current)
        need = operation.rule(there)
        return replace(step, params=need.params, awaited=need.awaited, stop_first=need.stop_first)
    except PveError as error:
        return replace(step, params=None, refusal=str(error))
