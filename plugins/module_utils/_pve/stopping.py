# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops tasks and makes sure that they ended."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .errors import ApiError, PveError
from .task import Outcome

if t.TYPE_CHECKING:
    from .client import Api
    from .task import Task
    from .upid import Upid
    from .watcher import Watcher

# The server itself sends SIGTERM, waits 5 s, and sends SIGKILL before it answers.
TIMEOUT = 60.0


async def stop_task(
    api: Api, watcher: Watcher, upid: Upid, timeout: float = TIMEOUT
) -> tuple[Task, bool]:
    """Stop a task; the task as it ended, and whether the call to stop it was accepted.

    Stopping is idempotent, so a lost answer needs no care: the task's own end tells. A task that
    came to its end before the signal keeps its outcome; ``unexpected status`` after a stop is the
    mark of SIGKILL, hence ``cancelled``.
    """
    trouble = None
    try:
        await api.delete(("nodes", upid.node, "tasks", str(upid)))
    except ApiError as error:
        trouble = error
    except PveError:
        pass  # it may have been carried out, which the watch below shows
    task = await watcher.watch(upid, timeout=0.0 if trouble else timeout)
    if trouble and not task.outcome.good:
        return replace(task, note=str(trouble)), False
    if task.outcome is Outcome.FAILED:
        task = replace(task, outcome=Outcome.CANCELLED)
    return task, True
