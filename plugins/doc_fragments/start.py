# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to start tasks: the options of ``START_SPEC`` that ``WAIT_SPEC`` does not have."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until the tasks have ended.
      - With V(false) the call returns as soon as every task has been started. The limits apply
        until then, so if there are more tasks than O(parallel) allows, the call has to wait for the
        first ones.
    type: bool
    default: true
  parallel:
    description:
      - How many tasks may run at a time.
    type: int
    default: 16
  parallel_per_node:
    description:
      - How many tasks may run at a time on one node. This is the node that runs the task, for a
        clone the node of the source.
    type: int
    default: 8
  parallel_per_storage:
    description:
      - How many tasks may run at a time on one storage.
      - V(0) sets no limit other than the one that lock timeouts of the storage imply.
    type: int
    default: 0
  start_interval:
    description:
      - The minimum number of seconds between two starts.
    type: float
    default: 0.0
  retries:
    description:
      - How often to retry after a transient error, such as the timeout of a lock.
      - Waiting for quorum, or for an unreachable node or API daemon, does not use up retries. It is
        limited by O(node_timeout).
    type: int
    default: 3
  replace_leftovers:
    description:
      - Whether to remove what a dead task of the same user left behind (a guest with a lock that no
        task holds), and to start over.
      - Every disk that is named after the guest is removed with it. A warning lists them.
      - Proxmox VE allows this only for VMs, and only to C(root@pam) with a password, not to API
        tokens. Otherwise the error names the command that unlocks the guest.
    type: bool
    default: false
  validate:
    description:
      - Who checks the parameters for the API. Names, types, ranges, formats and the keys of
        property strings are checked.
      - With V(schema) the collection does it before anything is started, by the API's own schema.
        All that is wrong is named at once, an unknown name with the nearest known one. If Proxmox
        VE is newer than the schema, or of an older major version, there is a warning instead of
        the failure.
      - With V(server) Proxmox VE does it, when each call is made.
    type: str
    choices: [schema, server]
    default: schema
notes:
  - After SIGINT, SIGTERM, or the end of the Ansible process that called the module, no more tasks
    are started. Running tasks go on; run the same call again to adopt them.
  - If the response to a call gets lost, or is replaced by the error page of a proxy, its task is
    searched for and adopted. The call is sent again only if Proxmox VE itself would refuse a second
    one.
"""
