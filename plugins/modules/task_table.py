#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task_table
short_description: Show tasks as a table
description:
  - Prints tasks that a module has returned as a table on the terminal, with a line for each and the
    reasons of those that failed. The lines have the colours that Ansible gives its own, and none
    where Ansible shows none.
  - It prints nothing with a callback such as P(ansible.posix.json#callback) or
    P(ansible.builtin.minimal#callback), which shows the result as a whole.
  - This is an action plugin. It runs on the controller and asks no server.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  tasks:
    description:
      - The tasks, as M(upid.proxmox.task_info) and other modules return them.
    type: list
    elements: dict
    required: true
  show:
    description:
      - What to show of each task beside its line. With V(upid), its UPID.
    type: list
    elements: str
    choices: [upid]
    default: []
  format:
    description:
      - With V(json) the tasks are printed in one line of JSON that begins with C({"tasks":), so
        that scripts find it.
    type: str
    choices: [table, json]
    default: table
  dest:
    description:
      - A file on the controller to write instead, which only its owner can read.
    type: path
  width:
    description:
      - How wide the table may be, 80 or more. Only UPIDs can be longer, they are never cut.
    type: int
    default: 100
  more:
    description:
      - How many more tasks there are, as M(upid.proxmox.task_info) returns it. The last line says
        so.
    type: int
    default: 0
extends_documentation_fragment:
  - upid.proxmox.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: upid.proxmox.task_info
  - module: upid.proxmox.wait_task
"""

EXAMPLES = r"""
- name: Read the tasks that failed today
  upid.proxmox.task_info:
    status: failed
    since: 24h
  register: failures

- name: Show them
  upid.proxmox.task_table:
    tasks: "{{ failures.tasks }}"
    more: "{{ failures.more }}"
    show: [upid]
"""

RETURN = r"""
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "1 task: 1 failed"
lines:
  description: The lines that were printed or written, without colours.
  type: list
  elements: str
  returned: always
  sample:
    - "started (UTC)     duration  progress  outcome  node  user      task"
    - "2025-09-08 20:19      42 s         -  failed   pve1  root@pam  VM/CT 101 - Backup"
    - "    ERROR: Backup of VM 101 failed - unable to find VM '101'"
    - ""
    - "1 task: 1 failed"
"""
