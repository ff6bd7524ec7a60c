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
    type: int
  user:
    description:
      - Only tasks of users whose name contains this, whatever the case. The name of a user's API
        token belongs to it, as in V(ansible@pve!ci).
    type: str
  status:
    description:
      - Only tasks that ended so. V(warning) and V(error) are Proxmox VE's words for V(warnings)
        and V(failed), and V(unknown) is a task without an exit status.
    type: list
    elements: str
    choices: [ok, warnings, warning, failed, error, unknown]
  since:
    description:
      - Only tasks that started at or after this time. An age such as V(90s), V(2h) or V(7d), a time
        in ISO 8601 such as V(2026-01-01T12:00:00Z), V(20260101T120000Z) or V(2026-01-01), or
        seconds since the epoch. A time without a zone is UTC.
      - Starts of tasks are by the clock of the node that runs them. An age counts back by the clock
        of each node, which takes a further request per node and the privilege C(Sys.Audit) on
        C(/nodes/{node}); without it, by the clock of the node that answers.
    type: str
  until:
    description:
      - Only tasks that started at or before this time, written like O(since).
    type: str
  running:
    description:
      - With V(true) only tasks that run, with V(false) only tasks that have ended. By default both.
    type: bool
notes:
  - Everybody sees their own tasks, and those of others on the nodes where they have the privilege
    C(Sys.Audit) on C(/nodes/{node}). Some releases of Proxmox VE do not list the running tasks of
    an API token without that privilege, not even to the token itself.
"""
