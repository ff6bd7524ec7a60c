#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_node
short_description: Restart a node and wait until it is back
description:
  - Restarts a node of the cluster, and waits until it has booted, is a member of a cluster with
    quorum again, and lists its guests.
  - Proxmox VE starts no task for a restart. That the node has restarted is seen by its uptime.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  node:
    description:
      - The node to restart. It has to be online.
    type: str
    required: true
  allow_destructive:
    description:
      - Whether to allow the restart, which ends everything that runs on the node.
    type: bool
    default: false
  with_guests:
    description:
      - Whether to restart a node on which guests run. Proxmox VE shuts them down with it. Otherwise
        the restart is refused.
    type: bool
    default: false
  with_tasks:
    description:
      - Whether to restart a node on which tasks run, such as backups and clones. They are ended by
        the restart, and what they were doing stays half done. Otherwise the restart is refused.
        Open consoles do not count.
    type: bool
    default: false
  allow_quorum_loss:
    description:
      - Whether to restart a node without which fewer than half of the nodes, or just half of them,
        are online. Set it for two nodes with a third vote from a QDevice, which the API does not
        show.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds to wait until the node is back.
    type: int
    default: 900
    aliases: [timeout]
attributes:
  check_mode:
    support: full
    details:
      - Checks whether the node may be restarted.
  diff_mode:
    support: full
  idempotent:
    support: none
    details:
      - The node is restarted in every run.
extends_documentation_fragment:
  - upid.proxmox.progress
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - Needs C(Sys.PowerMgmt) and C(Sys.Audit) on C(/nodes/{node}), C(Sys.Audit) on C(/), and
    C(VM.Audit) on C(/vms). Without the last one it is refused unless O(with_guests) is set, because
    guests that the user or token may not see would be shut down.
  - List several nodes in O(api_host), since the restarted one does not answer.
seealso:
  - module: upid.proxmox.drain_node
"""

EXAMPLES = r"""
- name: Move everything that runs away from a node
  upid.proxmox.drain_node:
    node: pve1
    stopped: false
    templates: false

- name: Restart it
  upid.proxmox.reboot_node:
    node: pve1
    allow_destructive: true

- name: Move the guests back
  upid.proxmox.drain_node:
    node: pve1
    state: refilled
"""

RETURN = r"""
changed:
  description: Whether the node was restarted, or would be in check mode.
  type: bool
  returned: always
  sample: true
node:
  description: The node.
  type: str
  returned: always
  sample: pve1
outcome:
  description: V(ok) if the node is back, V(timed_out) if not, V(queued) in check mode.
  type: str
  returned: always
  sample: ok
uptime:
  description: The uptime of the node in seconds, null if it is not back.
  type: int
  returned: always
  sample: 24
seconds:
  description: How many seconds the restart took, from the call until the node was back.
  type: float
  returned: always
  sample: 97.3
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "1 node: 1 ok in 3 min 41 s"
succeeded:
  description: Whether the call succeeded, whatever C(failed_when) makes of it.
  type: bool
  returned: always
  sample: true
summary:
  description: The number of nodes with each outcome, their C(total), and the C(elapsed) seconds.
  type: dict
  returned: always
  sample:
    ok: 1
    total: 1
    elapsed: 98.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve2.example.com:8006
    requests: 27
diff:
  description: The restart, in diff mode.
  type: dict
  returned: in diff mode
  sample:
    before: ""
    after: "pve1: restarted\n"
"""

from ..module_utils._pve.commands import reboot_node
from ..module_utils._pve.edge.arguments import PROGRESS_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "node": {"type": "str", "required": True},
    "allow_destructive": {"type": "bool", "default": False},
    "with_guests": {"type": "bool", "default": False},
    "with_tasks": {"type": "bool", "default": False},
    "allow_quorum_loss": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 900, "aliases": ["timeout"]},
}


def main() -> None:
    run(reboot_node.run, {**PROGRESS_SPEC, **ARGUMENT_SPEC}, keys=())


if __name__ == "__main__":
    main()
