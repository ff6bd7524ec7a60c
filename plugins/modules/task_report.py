#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task_report
short_description: Write a report on the task history of the cluster
description:
  - Reads the tasks of all nodes as far back as their archives go, with the logs of those that
    failed, and writes reports on them into a folder of the controller.
  - What was read is remembered in that folder, so that a report also has the tasks that the
    archives of the nodes have dropped in the meantime.
  - This is an action plugin. M(upid.proxmox.task_info) reads the tasks on the host that the task
    runs on or is delegated to, and the controller writes the files.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  dest:
    description:
      - The folder on the controller, made if it does not exist. Each cluster needs its own.
      - A report is named after its time, such as C(task-report-20261129T150405Z.html).
        C(task-report.html) is a link to the newest, C(task-history.jsonl) has all tasks that were
        read so far, a JSON object in each line.
    type: path
    required: true
  formats:
    description:
      - V(html) is one file that a browser shows without a network. It has a timeline, the failures
        with their logs, success rates, durations, and a table to search, filter and sort. It needs
        the Python package C(plotly) where Ansible runs.
      - V(json) has everything, V(csv) a line for each task, without logs. V(markdown) has the
        failures, figures by type, node, user and day, and the newest tasks.
    type: list
    elements: str
    choices: [html, json, csv, markdown]
    default: [html]
    aliases: [format]
  title:
    description: The heading of the report, such as the name of the cluster.
    type: str
    default: Proxmox VE tasks
  keep:
    description: How many reports of each format to keep.
    type: int
    default: 10
  retention_days:
    description: For how many days after its start a task is remembered.
    type: int
    default: 90
  limit:
    description: How many tasks a report has at most, the newest.
    type: int
    default: 10000
  logs:
    description:
      - How many logs to read at most in one run, those of the newest tasks that run or did not end
        V(ok) and whose log is not known yet.
    type: int
    default: 200
  log_lines:
    description:
      - How many of the last lines of a log to read, after up to 50 errors and warnings that come
        before them.
    type: int
    default: 20
  mode:
    description: The permissions of the reports. The history is readable for its owner only.
    type: str
    default: "0600"
  nodes:
    description:
      - The nodes whose tasks to report on, by default all.
    type: list
    elements: str
    aliases: [node]
  on_unreachable:
    description:
      - What to do if a node cannot be read. With V(warn) the report and a warning say so, and the
        tasks of that node are those that are remembered. With V(fail) the call fails, and nothing
        is written.
      - If no node can be read, or the credentials are wrong, the call always fails.
    type: str
    choices: [warn, fail]
    default: warn
extends_documentation_fragment:
  - upid.proxmox.task_filters
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
      - If the tasks are the same as in the newest report, no other is written.
notes:
  - Proxmox VE lists about the last thousand tasks of a node. Run this more often than a node gets
    so many.
requirements:
  - plotly on the controller, for V(html) in O(formats)
seealso:
  - module: upid.proxmox.task_info
"""

EXAMPLES = r"""
- name: Write what happened in the last week
  upid.proxmox.task_report:
    dest: ~/reports/cluster1
    since: 7d

- name: Write all backups of a year as a table for a spreadsheet
  upid.proxmox.task_report:
    dest: ~/reports/backups
    formats: [html, csv]
    type: vzdump
    retention_days: 365
    mode: "0640"
"""

RETURN = r"""
reports:
  description: The newest report of each format. In check mode those that are there already.
  type: dict
  returned: success
  sample:
    html: /srv/reports/task-report-20261129T150405Z.html
history:
  description: The file with all tasks that were read so far.
  type: str
  returned: success
  sample: /srv/reports/task-history.jsonl
removed:
  description: The older reports that were removed.
  type: list
  elements: str
  returned: success
  sample: []
total:
  description: How many tasks are in the report.
  type: int
  returned: success
  sample: 10000
counts:
  description: How many of them have each outcome.
  type: dict
  returned: success
  sample:
    failed: 1000
    ok: 9000
new:
  description: How many tasks were not known before.
  type: int
  returned: success
  sample: 12
omitted:
  description: How many older tasks O(limit) left out.
  type: int
  returned: success
  sample: 0
unreachable_nodes:
  description: Why a node could not be read, by the name of the node.
  type: dict
  returned: success
  sample: {}
requests:
  description: The number of requests to the API.
  type: int
  returned: success
  sample: 43
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: 10000 tasks, 1000 failed, 9000 ok; 12 are new
"""
