#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task_info
short_description: Get information about tasks, by UPID or by filter
description:
  - Returns status, outcome, progress and log of tasks by their UPIDs, or lists the tasks of nodes.
  - A task that failed does not make this module fail.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  upids:
    description:
      - The UPIDs of the tasks, as a single UPID, a list, or a comma-separated string.
      - Without it, the tasks of O(nodes) are listed, newest start first.
      - Mutually exclusive with the filters.
    type: list
    elements: str
    aliases: [upid, task]
  nodes:
    description:
      - The nodes whose tasks to list, by default all.
    type: list
    elements: str
    aliases: [node]
  on_unreachable:
    description:
      - What to do if the tasks of a node cannot be listed, because it does not answer or refuses.
        With V(warn) a warning names it, with V(fail) the call fails.
      - If no node can be read, or the credentials are wrong, the call always fails.
    type: str
    choices: [warn, fail]
    default: warn
  limit:
    description:
      - The maximum number of tasks to list, over all nodes. RV(truncated) says whether more match.
        If the default limit cuts off tasks, there is a warning.
    type: int
    default: 50
  log_lines:
    description:
      - How many of the last log lines to return for each of O(upids). In a list, logs are only read
        for tasks that did not end V(ok).
      - For a task that did not end V(ok), up to 50 earlier errors and warnings come first. Its log
        is searched for them, up to 20000 lines, and in up to 200 requests for all tasks together.
        With V(0), no log is read.
    type: int
    default: 20
extends_documentation_fragment:
  - upid.proxmox.task_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.info
  - upid.proxmox.attributes.action_group
notes:
  - Proxmox VE lists about the last thousand tasks of a node. The status of an older one can still
    be read by its UPID.
seealso:
  - module: upid.proxmox.wait_task
  - plugin: upid.proxmox.task_history
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read one task and the end of its log
  upid.proxmox.task_info:
    upid: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"

- name: List the last tasks of all nodes
  upid.proxmox.task_info:

- name: List the backups that failed in the last week
  upid.proxmox.task_info:
    type: vzdump
    status: failed
    since: 7d
    limit: 1000
  register: failed_backups

- name: Find out why last night's backup of a guest failed
  upid.proxmox.task_info:
    vmid: 101
    type: vzdump
    status: failed
    since: 24h
  register: failed_backup

- name: Show the reason
  ansible.builtin.debug:
    msg: "{{ failed_backup.msg }}"

- name: List the clones and restores that run on two nodes, and fail if one does not answer
  upid.proxmox.task_info:
    nodes: [pve1, pve2]
    type: [qmclone, qmrestore]
    running: true
    on_unreachable: fail
"""

RETURN = r"""
tasks:
  description: The tasks of O(upids) in that order, or the tasks found, newest start first.
  type: list
  elements: dict
  returned: always
  contains:
    upid:
      description: The UPID, the id of the task.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:vzdump:101:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: vzdump
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "101"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM/CT 101 - Backup
    outcome:
      description:
        - The outcome. V(queued), V(starting) and V(running) are not final. V(ok), V(warnings),
          V(failed), V(cancelled), V(timed_out), V(lost) and V(unchanged) are.
        - V(lost) means that the outcome cannot be determined, because the node, the log or the
          privilege to see it is gone.
      type: str
      returned: always
      sample: failed
    exitstatus:
      description: The exit status from Proxmox VE, null if there is none.
      type: str
      returned: always
      sample: "job errors"
    started:
      description: When the task started, ISO 8601 in UTC.
      type: str
      returned: always
      sample: "2025-09-08T20:19:13Z"
    ended:
      description: When the task ended, null if unknown.
      type: str
      returned: always
      sample: "2025-09-08T20:19:55Z"
    duration:
      description: How many seconds the task took, null if unknown.
      type: int
      returned: always
      sample: 42
    progress:
      description: The progress in percent, null if the task reports none.
      type: float
      returned: always
      sample: null
    log:
      description:
        - The last lines of the log. For a task that did not end V(ok), earlier errors and warnings
          come first.
      type: list
      elements: str
      returned: always
      sample: ["ERROR: Backup of VM 101 failed - unable to find VM '101'", "TASK ERROR: job errors"]
    errors:
      description:
        - The lines with an error or a warning in the whole log of a task that did not end V(ok), up
          to 200 of them.
      type: list
      elements: str
      returned: always
      sample: ["ERROR: Backup of VM 101 failed - unable to find VM '101'"]
    guests:
      description:
        - How the backup of each guest ended, of a task of type C(vzdump) that did not end V(ok).
      type: list
      elements: dict
      returned: always
      contains:
        vmid:
          description: The VMID of the guest.
          type: int
          returned: always
          sample: 101
        type:
          description: V(qemu) or V(lxc), null if the task ended before the guest's turn.
          type: str
          returned: always
          sample: qemu
        outcome:
          description:
            - The outcome, with the values of the outcome of a task. V(warnings) if the backup has
              finished in spite of errors, V(cancelled) if the task ended before the guest's turn.
          type: str
          returned: always
          sample: failed
        duration:
          description: How many seconds the backup took, null unless it has finished.
          type: int
          returned: always
          sample: null
        archive:
          description: The name of its archive in the log, null if it has none.
          type: str
          returned: always
          sample: null
        errors:
          description: The errors in its part of the log.
          type: list
          elements: str
          returned: always
          sample: ["Backup of VM 101 failed - unable to find VM '101'"]
        warnings:
          description: The warnings in its part of the log.
          type: list
          elements: str
          returned: always
          sample: []
    log_complete:
      description:
        - Whether the whole log was searched. V(false) if it is too long or cannot be read, null if
          it was not searched, because the task runs or ended V(ok).
      type: bool
      returned: always
      sample: true
unreachable_nodes:
  description: Why a node could not be read, by the name of the node. Empty if all answered.
  type: dict
  returned: when nothing failed
  sample: {}
more:
  description:
    - How many more tasks match than O(limit) allows. With O(user), or with a backup job of several
      guests, there can be more.
  type: int
  returned: when nothing failed
  sample: 0
truncated:
  description: Whether more tasks match than O(limit) allows.
  type: bool
  returned: when nothing failed
  sample: false
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "1 task: 1 failed (VM/CT 101 - Backup: Backup of VM 101 failed - no space left) in 0.4 s"
succeeded:
  description: Whether the call succeeded, whatever C(failed_when) makes of it.
  type: bool
  returned: always
  sample: true
summary:
  description: The number of tasks with each outcome, their C(total), and the C(elapsed) seconds.
  type: dict
  returned: always
  sample:
    failed: 1
    total: 1
    elapsed: 43.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve1.example.com:8006
    requests: 27
"""

from ..module_utils._pve.commands import task_info
from ..module_utils._pve.edge.arguments import TASK_FILTERS_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "upids": {"type": "list", "elements": "str", "aliases": ["upid", "task"]},
    "nodes": {"type": "list", "elements": "str", "aliases": ["node"]},
    "on_unreachable": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
    **TASK_FILTERS_SPEC,
    "limit": {"type": "int", "default": 50},
    "log_lines": {"type": "int", "default": 20},
}


def main() -> None:
    run(
        task_info.run,
        ARGUMENT_SPEC,
        mutually_exclusive=[("upids", name) for name in ("nodes", *TASK_FILTERS_SPEC)],
    )


if __name__ == "__main__":
    main()
