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
      - With V(false) the call returns as soon as every task has been started. The limits hold
        until then, so with more work than O(parallel) allows it takes as long as the first tasks.
    type: bool
    default: true
  parallel:
    description:
      - How many tasks may run at a time.
    type: int
    default: 16
  parallel_per_node:
    description:
      - How many tasks may run at a time on one node. The node that counts is the one that runs the
        task, which for a clone is the node of the source.
    type: int
    default: 8
  parallel_per_storage:
    description:
      - How many tasks may run at a time on one storage.
      - V(0) sets no limit but the one that the storage itself shows by lock timeouts.
    type: int
    default: 0
  start_interval:
    description:
      - How many seconds to leave between two starts.
    type: float
    default: 0.0
  retries:
    description:
      - How often to retry after a transient error, such as the timeout of a lock.
      - A cluster without quorum and a node or API daemon that is out of reach use up none of them.
        They are waited for as long as O(node_timeout) says.
    type: int
    default: 3
  replace_leftovers:
    description:
      - Whether to remove what a dead task of the same user left behind (a guest with a lock that no
        task holds) and to start over.
      - Every disk that is named after the guest is removed with it. A warning says which.
      - Proxmox VE allows that for VMs, and only to C(root@pam) with a password, not to an API
        token. Otherwise the error names the command that unlocks the guest.
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
  - SIGINT, SIGTERM and the end of the Ansible that called the module start nothing more. Tasks that
    run go on, and the same call again adopts them.
  - A call whose answer got lost, or got replaced by the error page of a proxy, is looked for and
    adopted. It is sent again only where Proxmox VE itself refuses a second one.
"""
