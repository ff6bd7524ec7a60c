# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of a Proxmox VE cluster as events, for ansible-rulebook."""

from __future__ import annotations

DOCUMENTATION = r"""
short_description: The tasks of a Proxmox VE cluster as events
description:
  - Reports the start and the end of tasks on all nodes or some, whoever started them, and when the
    connection to a node or to the API is lost and regained.
  - Each event has the keys type, id, time, message, node, task, vmids and lost_for;
    tasks.schema.json beside this file describes them. The task is the dictionary that
    upid.proxmox.task_info returns.
  - With a cursor nothing is lost over a restart. Events may come again after a crash, and then have
    the same id.
options:
  events:
    description:
      - Which events. task_progress has to be named, because it costs a request per running task and
        round.
    type: list
    elements: str
    choices: [task_started, task_progress, task_finished, tasks_missed, tasks_hidden, node_lost,
      node_regained, api_lost, api_regained]
    default: all but task_progress
  nodes:
    description: Only these nodes; by default all, those that join later included.
    type: list
    elements: str
  type:
    description: Only events of tasks of these types.
    type: list
    elements: str
  vmid:
    description: Only events of tasks with this VMID. A clone task has the VMID of its source.
    type: int
  user:
    description:
      - Only events of tasks of users whose name contains this. The name includes that of the API
        token.
    type: str
  status:
    description: Only ends with this outcome.
    type: list
    elements: str
    choices: [ok, warnings, warning, failed, error, unknown]
  interval:
    description: The number of seconds between two polls of a node, one request each.
    type: float
    default: 5
  cursor:
    description:
      - A file to write how far the events have been handed over, to go on from there after a
        restart. Without it, events between two runs are lost.
    type: path
  since:
    description:
      - Where to begin if there is no cursor yet. An age (2h), a time in ISO 8601 or seconds since
        the epoch; an age counts by the clock of each node. By default now.
    type: str
  log_lines:
    description: How many lines from the end of the log of a failed task are part of its event.
    type: int
    default: 20
extends_documentation_fragment:
  - upid.proxmox.connection
"""

EXAMPLES = r"""
- upid.proxmox.tasks:
    api_host: [pve1.example.com, pve2.example.com]
    api_token_id: ansible@pve!events
    api_token_secret: "{{ proxmox_token_secret }}"
    ca_path: /etc/ssl/pve-root-ca.pem
    type: [vzdump]
    events: [task_finished]
    cursor: /var/lib/rulebook/backups.json
"""

import asyncio
import sys
import typing as t
from pathlib import Path


async def main(queue: asyncio.Queue[t.Any], args: dict[str, t.Any]) -> None:
    """Put the events into the queue, until cancelled."""
    _let_the_collection_be_found()
    # Only now can it be found.
    from ansible_collections.upid.proxmox.plugins.plugin_utils._events import (  # noqa: PLC0415
        put_events,
    )

    await put_events(queue, args)


def _let_the_collection_be_found() -> None:
    """ansible-rulebook runs this file by its path, and does not know how to import collections."""
    root = Path(__file__).absolute().parents[6]
    if root.name != "ansible_collections":
        return
    if str(root.parent) not in sys.path:
        sys.path.insert(0, str(root.parent))
    # Not before its folder is in the path.
    import ansible_collections  # noqa: PLC0415

    # The package ansible brings collections of its own, which would hide those elsewhere.
    others = [path for path in ansible_collections.__path__ if path != str(root)]
    ansible_collections.__path__ = [str(root), *others]
