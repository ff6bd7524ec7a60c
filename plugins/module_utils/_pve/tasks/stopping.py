# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops tasks and verifies that they ended."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..api import clock
from ..api.errors import ApiError, Cause, PveError
from .task import Outcome

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .task import Task
    from .upid import Upid
    from .watcher import Watcher

# The server itself sends SIGTERM, waits 5 s, and sends SIGKILL before it answers.
TIMEOUT = 60.0
_LONGEST = 86400.0
_ATTEMPTS = 4


async def stop_task(
    api: Api, watcher: Watcher, upid: Upid, timeout: float = TIMEOUT
) -> tuple[Task, bool]:
    """Stop a task; return the task as it ended, and whether the call to stop it was accepted.

    Stopping is idempotent, so a call without a definite response is repeated. A task that ended
    before the signal keeps its outcome; ``unexpected status`` after a stop indicates SIGKILL, hence
    ``cancelled``.
    """
    began, timeout = clock.now(), min(timeout, _LONGEST)
    try:
        refusal = await asyncio.wait_for(_send_stop(api, upid), timeout)
    except asyncio.TimeoutError:
        refusal = None  # it may have been carried out, which the wait below shows
    left = max(0.0, timeout - (clock.now() - began))
    task = await watcher.watch(upid, timeout=0.0 if refusal else left)
    if refusal and not task.outcome.succeeded:
        return replace(task, note=str(refusal)), False
    if task.outcome is Outcome.FAILED:
        task = replace(task, outcome=Outcome.CANCELLED)
    return task, True


async def _send_stop(api: Api, upid: Upid) -> ApiError | None:
    """Request the stop of a task until there is a definite response: the refusal, or None."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await api.delete(("nodes", upid.node, "tasks", str(upid)))
        except ApiError as error:
            if error.cause is not Cause.NO_QUORUM or attempt == _ATTEMPTS:
                return error
        except PveError:
            pass
        else:
            return None
        if attempt < _ATTEMPTS:
            await clock.sleep(clock.backoff(attempt))
    return None
