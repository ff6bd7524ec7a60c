#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: remove_guests
short_description: Stop and delete many guests, and verify that they are gone
description:
  - Removes any number of VMs and containers with their disks, and verifies afterwards that their
    configurations and disks are gone. Backups are not touched.
  - A guest that does not exist counts as removed. If a guest cannot be removed, the others go on.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  guests:
    description:
      - The guests, each a VMID, a name, or a dictionary with C(vmid), C(name) or both. With both it
        is the guest of this VMID, which fails if it has another name.
      - Instead of a list the guests can be selected by O(pool), O(tags), O(nodes), O(type),
        O(status) and O(name), which all have to fit.
      - A guest that was given by name or selected is checked again right before it is changed.
    type: list
    elements: raw
  templates:
    description:
      - Whether templates are selected as well. Without it they have to be named in O(guests).
      - A template with linked clones is an error, which names them, and is not changed.
    type: bool
    default: false
  running:
    description:
      - What to do with a guest that runs. V(refuse) leaves it as it is and fails. V(shutdown) shuts
        it down, and does not remove it if it is not down after O(shutdown_timeout).
        V(shutdown_or_stop) stops it then. V(stop) stops it at once, like pulling the plug.
    type: str
    choices: [refuse, shutdown, shutdown_or_stop, stop]
    default: refuse
  shutdown_timeout:
    description:
      - How many seconds a guest may take to shut down.
    type: int
    default: 180
  unprotect:
    description:
      - Whether to remove guests whose option C(protection) is set, too. Otherwise such a guest is
        an error and is not changed. It needs the privilege C(VM.Config.Options).
    type: bool
    default: false
  purge:
    description:
      - Whether to remove the guest from HA, from replication and from backup jobs, too.
      - Without it a guest that HA manages or that is replicated is an error and is not changed.
    type: bool
    default: true
  unreferenced_disks:
    description:
      - Whether to remove all disks on all storages of the node that are named after the guest, not
        only those in its configuration. If clusters share a storage, these may be disks of a guest
        of the other cluster.
    type: bool
    default: false
  allow_destructive:
    description:
      - Has to be V(true), otherwise nothing is done.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. It fails if a guest could not be removed, with the reasons.
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.guest_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - A locked guest is an error that names the task that holds the lock. Only a hibernated VM is
    removed despite its lock.
  - Whether the disks are gone is read from every storage that the configuration named. If the user
    or token may not read one (C(Datastore.Audit) on C(/storage/{storage})), or it does not answer,
    the outcome is V(warnings), and the message says so. See O(warnings). A disk that Proxmox VE
    does not show to the user or token counts as gone.
  - Needs C(VM.Allocate) and C(VM.Audit) on C(/vms/{vmid}), and C(VM.PowerMgmt) unless
    O(running=refuse).
seealso:
  - module: upid.proxmox.operation
  - module: upid.proxmox.fleet
"""

EXAMPLES = r"""
- name: Remove two guests that do not run
  upid.proxmox.remove_guests:
    guests: [web1, 202]
    allow_destructive: true

- name: Remove the test guests of a pool, whatever they do
  upid.proxmox.remove_guests:
    pool: ci
    name: test-*
    running: stop
    unprotect: true
    allow_destructive: true

- name: Shut guests with a tag down and remove them
  upid.proxmox.remove_guests:
    tags: retired
    running: shutdown
    shutdown_timeout: 300
    allow_destructive: true
"""

RETURN = r"""
changed:
  description: Whether a guest was changed, or would be changed in check mode.
  type: bool
  returned: always
  sample: true
guests:
  description:
    - Every guest, in the order of the request, selected ones by VMID. In check mode the plan.
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
    node:
      description: The node that the guest is on.
      type: str
      returned: always
      sample: pve2
    type:
      description: V(qemu) for a VM, V(lxc) for a container.
      type: str
      returned: always
      sample: qemu
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
    done:
      description: What was done, or would be, V(unprotected), V(shut down), V(stopped), V(deleted).
      type: list
      elements: str
      returned: always
      sample: [stopped, deleted]
    step:
      description:
        - The last step of the guest, V(unprotect), V(shutdown), V(stop) or V(delete). Null if there
          was none.
      type: str
      returned: always
      sample: delete
    upid:
      description: The UPID of the last task of the guest, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmdestroy:201:ansible@pve!ci:"
    message:
      description:
        - Why the guest failed or was left as it is, or what is pending until its restart. Null
          otherwise.
      type: str
      returned: always
      sample: null
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmdestroy:201:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmdestroy
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
      sample: VM 201 - Destroy
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
  sample: "3 guests: 3 ok in 14 s"
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
    before: "VM 201 (web1) on pve2\n"
    after: ""
"""

from ..module_utils._pve.commands import remove_guests
from ..module_utils._pve.edge.arguments import GUEST_FILTERS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "guests": {"type": "list", "elements": "raw"},
    "templates": {"type": "bool", "default": False},
    "running": {
        "type": "str",
        "choices": ["refuse", "shutdown", "shutdown_or_stop", "stop"],
        "default": "refuse",
    },
    "shutdown_timeout": {"type": "int", "default": 180},
    "unprotect": {"type": "bool", "default": False},
    "purge": {"type": "bool", "default": True},
    "unreferenced_disks": {"type": "bool", "default": False},
    "allow_destructive": {"type": "bool", "default": False},
}


def main() -> None:
    spec = {**START_SPEC, **GUEST_FILTERS_SPEC, **ARGUMENT_SPEC}
    run(remove_guests.run, spec, keys=("guests", "tasks"))


if __name__ == "__main__":
    main()
