#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task_metrics
short_description: Write figures about tasks for Prometheus
description:
  - Counts the tasks of all nodes that have ended since the last run, and writes a file for the
    textfile collector of C(node_exporter).
  - The files are on the host that the task runs on or is delegated to.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  path:
    description:
      - The file, whose name ends in C(.prom), in a folder that exists. It is replaced atomically
        and readable for everybody.
    type: path
    required: true
  state:
    description:
      - The file with the counters, and with how far the tasks of each node have been counted. By
        default it is O(path) with C(.state) after it. One process can use it at a time.
    type: path
  nodes:
    description:
      - The nodes whose tasks to count, by default all.
    type: list
    elements: str
    aliases: [node]
  retention_days:
    description: After how many days the last success of a guest is forgotten.
    type: int
    default: 90
  limit:
    description:
      - Of how many pairs of guest and type the last success is written at most, the latest.
    type: int
    default: 5000
extends_documentation_fragment:
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - Unless tasks have started or ended in the meantime, which includes those of others.
notes:
  - C(proxmox_tasks_total{node,type,outcome}) counts ended tasks,
    C(proxmox_task_duration_seconds{node,type}) is a summary of their durations,
    C(proxmox_tasks_running{node,type}) counts running ones,
    C(proxmox_task_last_success_timestamp_seconds{type,vmid}) is when the last success for a guest
    ended, C(proxmox_node_tasks_readable{node}) is 1 or 0, and
    C(proxmox_task_list_gaps_total{node}) counts how often tasks were missed.
  - The guests of a backup job with several of them are those that its log names as finished. A
    clone counts for its source.
  - Types that Proxmox VE does not have share the label V(other).
  - In the first run everything counts that the task lists of the nodes still have. They have about
    the last thousand tasks, so run this more often than a node gets so many.
  - Users see their own tasks, and those of others on nodes where they have the privilege
    C(Sys.Audit) on C(/nodes/{node}).
  - Times are by the clock of the node that ran the task.
seealso:
  - module: upid.proxmox.task_info
  - module: upid.proxmox.task_report
"""

EXAMPLES = r"""
- name: Make the folder that node_exporter reads (--collector.textfile.directory)
  ansible.builtin.file:
    path: ~/node-exporter
    state: directory
    mode: "0755"

- name: Write the figures
  upid.proxmox.task_metrics:
    path: ~/node-exporter/proxmox_tasks.prom
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: success
  sample: /var/lib/prometheus/node-exporter/proxmox_tasks.prom
series:
  description: How many series are in it.
  type: int
  returned: success
  sample: 212
new:
  description: How many tasks have ended since the last run.
  type: int
  returned: success
  sample: 12
unreachable_nodes:
  description: Why a node could not be read, by the name of the node.
  type: dict
  returned: success
  sample: {}
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: 12 tasks ended since the last run; 212 series in /var/lib/node-exporter/proxmox_tasks.prom
"""

from ..module_utils._pve.commands import task_metrics
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "path"},
    "nodes": {"type": "list", "elements": "str", "aliases": ["node"]},
    "retention_days": {"type": "int", "default": 90},
    "limit": {"type": "int", "default": 5000},
}


def main() -> None:
    run(task_metrics.run, ARGUMENT_SPEC, keys=())


if __name__ == "__main__":
    main()
