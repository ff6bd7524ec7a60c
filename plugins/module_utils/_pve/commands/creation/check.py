# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a created guest, as a step of its chain, before anything else happens."""

from __future__ import annotations

import typing as t

from ...engine.chains import ChainResult, ChainStep, Corrected
from ...operations.job import Unneeded
from ...tasks.task import Outcome
from .conflicts import verify
from .plan import Action

if t.TYPE_CHECKING:
    from ...operations.job import Job
    from ..machine import Engine
    from .names import Names
    from .plan import GuestRequest
    from .recipe import Recipe


def name_check(
    machine: Engine, wanted: GuestRequest, names: Names, recipe: Recipe
) -> list[ChainStep]:
    """The step that follows the creation of a guest, empty if nothing can be wrong.

    A guest that was created with a requested VMID, by a task named in a response, is the requested
    one. If another run creates or created it, the chain ends: the guest belongs to that run.
    """

    async def prepare(before: ChainResult) -> Job:
        created = before.last.result
        if created is None:
            raise Unneeded("nothing was created")
        checked = (await verify(machine, [wanted], {0: created}, names, recipe))[0]
        target = checked.job.target
        if not checked.outcome.succeeded:
            raise Corrected(checked, checked.message or checked.outcome.value, over=True)
        if checked.outcome is Outcome.UNCHANGED and target.vmid != created.job.target.vmid:
            why = f"{target.label} was created by another run at the same time"
            raise Corrected(checked, why, over=True)
        raise Corrected(checked, "it is the wanted guest", over=False)

    found = wanted.action is Action.ADOPT
    return [ChainStep("check", prepare=prepare)] if wanted.vmid is None or found else []
