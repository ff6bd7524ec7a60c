#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stop_task
short_description: Stop tasks and verify that they ended
description:
  - Stops tasks and waits until they have ended.
  - A stopped task usually cleans up after itself. What it left behind is reported.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  upids:
    description:
      - The UPIDs to stop, as one, a list, or a comma-separated string. Tasks that have already
        ended are left alone.
      - Stopping another user's task needs the privilege C(Sys.Modify) on C(/nodes/{node}).
    type: list
    elements: str
    required: true
    aliases: [upid, task]
  wait_timeout:
    description:
      - How many seconds to wait until all have ended. Proxmox VE itself kills a task that does not
        end within 5 seconds.
    type: int
    default: 60
    aliases: [timeout]
  log_lines:
    description:
      - How many of the last log lines to return for a task that did not end V(ok), after up to 50
        earlier errors and warnings.
    type: int
    default: 20
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details:
      - This module has nothing to compare.
  idempotent:
    support: full
extends_documentation_fragment:
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - Seeing the lock of a guest needs the privilege C(VM.Audit) on C(/vms/{vmid}), and checking that
    no task of another user holds it needs C(Sys.Audit) on C(/nodes).
seealso:
  - module: upid.proxmox.task_info
  - module: upid.proxmox.wait_task
"""

EXAMPLES = r"""
- name: Stop a task
  upid.proxmox.stop_task:
    upid: "UPID:pve1:000934AF:0D015579:68BF3A41:vzdump:101:ansible@pve!ci:"

- name: Find the running backups
  upid.proxmox.task_info:
    type: vzdump
    running: true
  register: backups

- name: Stop them all
  upid.proxmox.stop_task:
    upids: "{{ backups.tasks | map(attribute='upid') }}"
"""

RETURN = r"""
changed:
  description: Whether a running task was stopped.
  type: bool
  returned: always
  sample: true
leftovers:
  description:
    - Guests that these tasks worked on and that are still locked, except those that a running task
      may have locked.
  type: list
  elements: dict
  returned: always
  contains:
    vmid:
      description: The VMID.
      type: int
      returned: always
      sample: 201
    node:
      description: The node that the guest is on.
      type: str
      returned: always
      sample: pve1
    type:
      description: V(qemu) for a VM, V(lxc) for a container.
      type: str
      returned: always
      sample: qemu
    lock:
      description: The lock.
      type: str
      returned: always
      sample: clone
    command:
      description:
        - The command that removes the lock, for root on the node. Null if a task that holds the
          lock may still run on a node that could not be read.
      type: str
      returned: always
      sample: qm unlock 201
    message:
      description: Why there is no command, null if there is one.
      type: str
      returned: always
      sample: null
tasks:
  description: Every requested task, in the order of the options.
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
      sample: cancelled
    exitstatus:
      description: The exit status from Proxmox VE, null if there is none.
      type: str
      returned: always
      sample: "received interrupt"
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
        - The last lines of the log of a task that did not end V(ok), after any earlier errors and
          warnings.
      type: list
      elements: str
      returned: always
      sample: ["TASK ERROR: received interrupt"]
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "1 task: 1 cancelled (VM 9000 - Clone: interrupted by signal) in 2.1 s"
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
    cancelled: 1
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

from ..module_utils._pve.commands import stop_task
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "upids": {"type": "list", "elements": "str", "required": True, "aliases": ["upid", "task"]},
    "wait_timeout": {"type": "int", "default": 60, "aliases": ["timeout"]},
    "log_lines": {"type": "int", "default": 20},
}


def main() -> None:
    run(stop_task.run, ARGUMENT_SPEC, keys=("tasks", "leftovers"))


if __name__ == "__main__":
    main()
