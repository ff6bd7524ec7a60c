# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks of the nodes are meant: the options of ``TASK_FILTERS_SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  type:
    description:
      - Only tasks of these types, such as V(qmclone) or V(vzdump). Each costs a request per node.
    type: list
    elements: str
  vmid:
    description:
      - Only tasks with this VMID. A clone task has the VMID of its source.
      - A backup job of several guests has no VMID. It is found by its log, which costs one more
        request per node and at least one for each such job, at most 100. If that is not enough, a
        warning says how many jobs were not searched.
    type: int
  user:
    description:
      - Only tasks of users whose name contains this, ignoring case. The name includes that of the
        API token, as in V(ansible@pve!ci).
    type: str
  status:
    description:
      - Only tasks with this outcome. V(warning) and V(error) are Proxmox VE's names for V(warnings)
        and V(failed), and V(unknown) is a task without an exit status.
    type: list
    elements: str
    choices: [ok, warnings, warning, failed, error, unknown]
  since:
    description:
      - Only tasks that started at or after this time. An age such as V(90s), V(2h) or V(7d), a time
        in ISO 8601 such as V(2026-01-01T12:00:00Z), V(20260101T120000Z) or V(2026-01-01), or
        seconds since the epoch. A time without a zone is UTC.
      - Start times are by the clock of the node that runs the task. An age counts back by the clock
        of each node, which needs one more request per node and the privilege C(Sys.Audit) on
        C(/nodes/{node}). Without the privilege, the clock of the node that answers is used.
    type: str
  until:
    description:
      - Only tasks that started at or before this time, in the same format as O(since).
    type: str
  running:
    description:
      - With V(true) only tasks that run, with V(false) only tasks that have ended. By default both.
    type: bool
notes:
  - Users see their own tasks, and those of others on nodes where they have the privilege
    C(Sys.Audit) on C(/nodes/{node}). Some releases of Proxmox VE hide the running tasks of an API
    token without that privilege, even from the token itself.
"""
