#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drain_node
short_description: Move the guests of a node away, or back
description:
  - Moves every guest of a node to other nodes. Running VMs move online, running containers are
    restarted on their new node, and stopped guests and templates move as they are.
  - The target of each guest is the node with the smallest share of its memory in use, counting the
    guests that are still to arrive there. Before anything moves, Proxmox VE is asked what keeps
    each guest where it is.
  - A guest that cannot move stays, with its reason in the result, and the others go on. Run the
    same call again to move what remains. Migrations that already run are adopted.
  - With O(state=refilled) the guests that this module moved away come back.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  node:
    description:
      - The node to drain or to refill. It has to be online.
    type: str
    required: true
  state:
    description:
      - With V(drained) the guests move away.
      - With V(refilled) those that came from O(node) move back. That is read from the tasks of the
        node, so nothing has to be stored between the calls. A guest belongs back if its newest
        migration from there was started by the same user or token since O(since), ended well, and
        went to the node where the guest still is. So whatever another user moved stays where it
        is.
    type: str
    choices: [drained, refilled]
    default: drained
  guests:
    description:
      - Only these guests, by VMID or name. For V(refilled) they come back wherever they came from.
      - By default it is every guest that O(running), O(stopped) and O(templates) allow, or for
        V(refilled) every guest that came from the node.
    type: list
    elements: raw
  exclude:
    description:
      - Guests that stay where they are, by VMID or name.
    type: list
    elements: raw
  running:
    description:
      - Whether running guests move away.
    type: bool
    default: true
  stopped:
    description:
      - Whether stopped guests move away.
    type: bool
    default: true
  templates:
    description:
      - Whether templates move away.
    type: bool
    default: true
  nodes:
    description:
      - The nodes that guests may move to from a drained node. The default is all others. Nodes that
        are offline are left out.
    type: list
    elements: str
  overcommit:
    description:
      - Whether a running guest may move to a node that has less memory free than the guest can use.
        Without it such a guest stays.
    type: bool
    default: false
  with_local_disks:
    description:
      - Whether running VMs move with disks that only their node has. The disks are copied while the
        VM runs, which can take long. Without it such a VM stays.
      - Disks of stopped guests, and those of containers, are copied in any case.
    type: bool
    default: false
  target_storage:
    description:
      - The storage for disks that are copied. By default each goes to the storage of the same name.
    type: str
  restart_containers:
    description:
      - Whether running containers are moved, by shutting them down and starting them again.
        Proxmox VE cannot move them online.
    type: bool
    default: true
  shutdown_timeout:
    description:
      - How many seconds a container may take to shut down.
    type: int
    default: 180
  bwlimit:
    description:
      - The limit of each migration in KiB/s.
    type: int
  parallel_per_target:
    description:
      - How many guests may move to the same node at a time, from 0 to 256. V(0) sets no limit.
    type: int
    default: 4
  since:
    description:
      - How far back V(refilled) looks for migrations, as an age such as V(12h) or V(7d), or a time
        in ISO 8601 or epoch seconds.
    type: str
    default: 7d
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. It fails if a guest cannot move, with the reasons.
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - Guests that HA manages are moved one by one, by requests to HA, and the module waits until HA
    has carried them out. The maintenance mode of HA is only available on the command line of a node
    (C(ha-manager crm-command node-maintenance enable)), not in the API. HA may move a guest back if
    a rule prefers the drained node. Such a guest fails if that happens before the call ends.
  - A guest that uses passed-through devices of the node, or a CD image that only the node has,
    cannot move and stays. So does a locked guest.
  - Needs C(VM.Migrate) and C(VM.Audit) on each guest. Without C(Sys.Audit) on C(/nodes/{node})
    running migrations of tokens and of other users cannot be seen and thus not be adopted.
seealso:
  - module: upid.proxmox.operation
  - ref: ansible_collections.upid.proxmox.docsite.guide_playbooks
    description: The role and the playbook for this.
"""

EXAMPLES = r"""
- name: Move everything away from a node
  upid.proxmox.drain_node:
    node: pve1

- name: Move running guests to two other nodes, two at a time to each
  upid.proxmox.drain_node:
    node: pve1
    stopped: false
    templates: false
    nodes: [pve2, pve3]
    parallel_per_target: 2

- name: Move them back after the maintenance
  upid.proxmox.drain_node:
    node: pve1
    state: refilled
"""

RETURN = r"""
changed:
  description: Whether a guest was moved, or would be in check mode.
  type: bool
  returned: always
  sample: true
guests:
  description: Every guest that was meant, by VMID. In check mode the plan.
  type: list
  elements: dict
  returned: always
  contains:
    vmid:
      description: The VMID, null in check mode if it is not chosen yet.
      type: int
      returned: always
      sample: 201
    name:
      description: The name, for a container its host name.
      type: str
      returned: always
      sample: web1
    type:
      description: V(qemu) for a VM, V(lxc) for a container.
      type: str
      returned: always
      sample: qemu
    source:
      description: The node that the guest was on.
      type: str
      returned: always
      sample: pve1
    target:
      description: The node that it was to go to, null for a guest that stays.
      type: str
      returned: always
      sample: pve2
    node:
      description: The node that the guest is on.
      type: str
      returned: always
      sample: pve2
    way:
      description: How it moves, V(online), V(restart) or V(offline).
      type: str
      returned: always
      sample: online
    ha:
      description: Whether HA manages it.
      type: bool
      returned: always
      sample: false
    outcome:
      description: The outcome, with the values of the outcome of a task.
      type: str
      returned: always
      sample: ok
    changed:
      description: Whether this call changed the guest.
      type: bool
      returned: always
      sample: true
    upid:
      description: The UPID of the last task of the guest, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmigrate:201:ansible@pve!ci:"
    message:
      description:
        - Why the guest failed or was left as it is, or what is pending until its restart. Null
          otherwise.
      type: str
      returned: always
      sample: null
remaining:
  description:
    - The VMIDs of all guests that are on the node after a drain, whether they were meant or not. In
      check mode a prediction.
  type: list
  elements: int
  returned: always
  sample: []
tasks:
  description: Every task that was started or adopted.
  type: list
  elements: dict
  returned: always
  contains:
    upid:
      description: The UPID, the id of the task.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmigrate:201:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmigrate
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "201"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM 201 - Migrate
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
  sample: "3 guests: 3 ok in 38 s"
succeeded:
  description: Whether the call succeeded, whatever C(failed_when) makes of it.
  type: bool
  returned: always
  sample: true
summary:
  description: The number of guests with each outcome, their C(total), and the C(elapsed) seconds.
  type: dict
  returned: always
  sample:
    ok: 1
    total: 1
    elapsed: 43.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve1.example.com:8006
    requests: 27
diff:
  description: What changes in each guest, before and after, in diff mode.
  type: dict
  returned: in diff mode
  sample:
    before: "web1: qemu 201 on pve1\n"
    after: "web1: qemu 201 on pve2\n"
"""

from ..module_utils._pve.commands import drain_node
from ..module_utils._pve.edge.arguments import START_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "node": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["drained", "refilled"], "default": "drained"},
    "guests": {"type": "list", "elements": "raw"},
    "exclude": {"type": "list", "elements": "raw"},
    "running": {"type": "bool", "default": True},
    "stopped": {"type": "bool", "default": True},
    "templates": {"type": "bool", "default": True},
    "nodes": {"type": "list", "elements": "str"},
    "overcommit": {"type": "bool", "default": False},
    "with_local_disks": {"type": "bool", "default": False},
    "target_storage": {"type": "str"},
    "restart_containers": {"type": "bool", "default": True},
    "shutdown_timeout": {"type": "int", "default": 180},
    "bwlimit": {"type": "int"},
    "parallel_per_target": {"type": "int", "default": 4},
    "since": {"type": "str", "default": "7d"},
}


def main() -> None:
    run(drain_node.run, {**START_SPEC, **ARGUMENT_SPEC}, keys=("guests", "remaining", "tasks"))


if __name__ == "__main__":
    main()
