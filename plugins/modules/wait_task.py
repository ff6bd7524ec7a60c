#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_task
short_description: Wait for one or many tasks
description:
  - Waits until any number of Proxmox VE tasks, on any nodes, have ended.
  - Fails if a task failed, and reports its exit status and the end of its log.
  - An empty list of tasks succeeds.
  - Fails after O(api_retries) retries if the API cannot be reached at all, and at once if it
    refuses the credentials.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  upids:
    description:
      - The UPIDs to wait for, as a single UPID, a list, or a comma-separated string.
      - Seeing the status of another user's task needs the privilege C(Sys.Audit) on
        C(/nodes/{node}).
    type: list
    elements: str
    required: true
    aliases: [upid, task]
  return_when:
    description:
      - When to return, with V(all) when every task has ended, with V(first) when any task has
        ended, with V(first_failure) when any task has failed or all have ended.
      - Tasks that still run then go on, and are returned with the outcome V(running).
    type: str
    choices: [all, first, first_failure]
    default: all
  wait_timeout:
    description:
      - How many seconds to wait for a task. In this module they count from the call, not from the
        start of the task.
      - The default depends on the type of the task. It is 7200 for a clone, a download, a copy and
        a bulk action, 14400 for a backup, a restore, a migration and the move of a disk, 1800 for a
        create and a template, 600 for a snapshot, a shutdown and a reboot, 300 for a start and a
        stop, and 1800 for everything else.
attributes:
  check_mode:
    support: full
    details:
      - In check mode the module polls once, and never waits or stops a task.
  diff_mode:
    support: N/A
    details:
      - This module has nothing to compare.
  idempotent:
    support: full
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
seealso:
  - module: upid.proxmox.task_info
  - module: upid.proxmox.stop_task
  - plugin: upid.proxmox.task_history
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Wait for a task
  upid.proxmox.wait_task:
    upid: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"

# This sets the connection once for all modules of the collection. The examples of the other modules
# expect it as well: an API token from the vault, and the CA of the cluster.
- name: Start clones, do something else, then wait for them
  hosts: localhost
  gather_facts: false
  module_defaults:
    group/upid.proxmox.proxmox:
      api_host: [pve1.example.com, pve2.example.com]
      api_token_id: ansible@pve!ci
      api_token_secret: "{{ vault_proxmox_token_secret }}"
      ca_path: /etc/ssl/pve-root-ca.pem
  tasks:
    - name: Start the clones
      upid.proxmox.clone:
        source: debian-12-cloud
        guests:
          - name: web1
          - name: web2
        wait: false
      register: started

    - name: Wait for all of them
      upid.proxmox.wait_task:
        upids: "{{ started.tasks | map(attribute='upid') }}"

- name: Wait for at most an hour, then stop the tasks that still run
  upid.proxmox.wait_task:
    upids: "{{ started.tasks | map(attribute='upid') }}"
    wait_timeout: 3600
    on_timeout: stop

- name: Return as soon as one task has failed
  upid.proxmox.wait_task:
    upids: "{{ started.tasks | map(attribute='upid') }}"
    return_when: first_failure
"""

RETURN = r"""
changed:
  description: Whether a task was stopped, see O(on_timeout).
  type: bool
  returned: always
  sample: false
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
      sample: ok
    exitstatus:
      description: The exit status from Proxmox VE, null if there is none.
      type: str
      returned: always
      sample: "OK"
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
      sample: 100.0
    log:
      description:
        - The last lines of the log of a task that did not end V(ok), after any earlier errors and
          warnings.
      type: list
      elements: str
      returned: always
      sample: []
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "2 tasks: 1 ok, 1 failed (VM/CT 101 - Backup: job errors) in 43 s"
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
    ok: 3
    total: 3
    elapsed: 43.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve1.example.com:8006
    requests: 27
"""

from ..module_utils._pve.commands import wait_task
from ..module_utils._pve.edge.arguments import WAIT_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "upids": {"type": "list", "elements": "str", "required": True, "aliases": ["upid", "task"]},
    "return_when": {
        "type": "str",
        "choices": ["all", "first", "first_failure"],
        "default": "all",
    },
}


def main() -> None:
    run(wait_task.run, {**WAIT_SPEC, **ARGUMENT_SPEC})


if __name__ == "__main__":
    main()
