# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows a task to its end, or stops it at its timeout."""

from __future__ import annotations

import typing as t

from .stopping import stop_task
from .task import Outcome

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .task import Task
    from .upid import Upid
    from .watcher import Watcher


async def watch_to_end(
    api: Api,
    watcher: Watcher,
    upid: Upid,
    timeout: float,
    on_timeout: str,
    *,
    fresh: bool = False,
) -> tuple[Task, bool]:
    """The task as it ended, and whether it was stopped here.

    ``timeout`` is in seconds from now. With ``on_timeout`` ``stop`` it is stopped then; otherwise
    it goes on as ``timed_out``. ``fresh`` says that it has just been started.
    """
    task = await watcher.watch(upid, timeout=timeout, fresh=fresh)
    if task.outcome is not Outcome.TIMED_OUT or on_timeout != "stop":
        return task, False
    task, accepted = await stop_task(api, watcher, upid)
    return task, accepted and task.outcome is Outcome.CANCELLED
