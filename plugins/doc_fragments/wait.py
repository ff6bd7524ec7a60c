# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to wait for tasks: the options of ``WAIT_SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - How many seconds to wait for a task, counted from its start. Time in the queue of the call
        does not count.
      - The default depends on the type of the task. It is 7200 for a clone, a download, a copy and
        a bulk action, 14400 for a backup, a restore, a migration and the move of a disk, 1800 for a
        create and a template, 600 for a snapshot, a shutdown and a reboot, 300 for a start and a
        stop, and 1800 for everything else.
    type: int
    aliases: [timeout]
  on_timeout:
    description:
      - What to do about a task that did not end within the timeout.
      - With V(fail) the call fails, and the task goes on.
      - With V(continue) the call succeeds with the outcome V(timed_out) for this task, and the task
        goes on.
      - With V(stop) the task is stopped, and the call fails.
    type: str
    choices: [fail, continue, stop]
    default: fail
  node_timeout:
    description:
      - How many seconds a node may be silent until its tasks count as V(lost). A module that starts
        tasks also waits this long for a node or for quorum before it gives up on a start.
      - Once the API has answered, a refused ticket, a certificate that is no longer trusted, and a
        daemon or a cluster file system that is down count as silence, too.
    type: int
    default: 600
  warnings:
    description:
      - Whether a task that ended with warnings counts as successful (V(accept)) or as failed
        (V(fail)).
    type: str
    choices: [accept, fail]
    default: accept
  log_lines:
    description:
      - How many of the last log lines to return for a task that did not end V(ok), after up to 50
        earlier errors and warnings.
    type: int
    default: 20
  poll_interval:
    description:
      - How many seconds to wait between polls, from 0.1 to 3600.
      - By default between 0.2 and 2 seconds, depending on how long tasks of this type take.
    type: float
"""
