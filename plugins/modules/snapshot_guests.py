#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_guests
short_description: Take, thin out, remove and roll back to snapshots of many guests
description:
  - Takes a snapshot of any number of VMs and containers, keeps the newest of a prefix and removes
    the older ones, or rolls guests back.
  - A guest that already has the snapshot is left alone. If a guest fails, the others go on.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  state:
    description:
      - V(present) takes the snapshot O(snapname), or one that is named after O(prefix) and the
        time.
      - V(absent) removes the snapshot O(snapname), or with O(prefix) all but the newest O(keep) of
        that prefix. Destructive.
      - V(rolled_back) rolls the guests back to O(snapname). What they have written since is lost.
        Destructive.
    type: str
    choices: [present, absent, rolled_back]
    default: present
  guests:
    description:
      - The guests, by VMID or by name.
      - Instead of a list the guests can be selected by O(pool), O(tags), O(nodes), O(type),
        O(status) and O(name), which all have to fit. Templates are left out then.
      - A guest that was given by name or selected is checked again right before it is changed.
    type: list
    elements: str
  snapname:
    description:
      - The name of the snapshot. Mutually exclusive with O(prefix).
    type: str
  prefix:
    description:
      - A snapshot is named after this prefix and the time in UTC, such as C(auto-20261129-1201) for
        V(auto). It is the same name for all guests.
    type: str
  keep:
    description:
      - How many snapshots of O(prefix) each guest keeps, the newest ones. Older ones are removed,
        the oldest first, which is destructive. By default V(present) removes none and V(absent)
        all.
      - Only names that are the prefix and a time count. C(auto-before-upgrade) is never removed.
      - A guest whose new snapshot failed keeps its old ones. Which snapshot is removed is decided
        by reading them right before.
    type: int
  vmstate:
    description:
      - Whether to save the memory of VMs that run. A container has no such snapshot.
    type: bool
    default: false
  description:
    description:
      - The description of a new snapshot.
    type: str
  start:
    description:
      - Whether V(rolled_back) starts the guests afterwards. A snapshot with memory always does.
    type: bool
    default: false
  all_or_nothing:
    description:
      - Whether the snapshots of all guests belong together. If one fails, those that this call has
        taken of the others are removed again, and nothing else is. Older snapshots are removed only
        after all have succeeded.
      - If it is clear before that a guest cannot be snapshotted, nothing is done at all.
      - The snapshots are not taken in the same moment, but as O(parallel) allows.
    type: bool
    default: false
  allow_destructive:
    description:
      - Whether to allow what can lose data, that is O(state=absent), O(state=rolled_back) and
        O(keep). Otherwise it is refused before anything is done.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan, with the snapshots that would be removed.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(prefix), V(present) takes a new snapshot in each minute in which it is called.
      - V(rolled_back) rolls back in every run.
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.guest_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - Needs C(VM.Snapshot) on C(/vms/{vmid}), V(rolled_back) C(VM.Snapshot.Rollback), and C(VM.Audit)
    to see the guests.
  - On ZFS a guest can only be rolled back to its newest snapshot. That is an error before anything
    is done to it.
seealso:
  - module: upid.proxmox.operation
"""

EXAMPLES = r"""
- name: Take a snapshot before an upgrade
  upid.proxmox.snapshot_guests:
    guests: [web1, web2]
    snapname: before-upgrade
    description: Before the upgrade to Debian 13

- name: Take a snapshot of the guests with a tag, and keep the newest three
  upid.proxmox.snapshot_guests:
    tags: web
    prefix: auto
    keep: 3
    allow_destructive: true

- name: Take a snapshot of an application, of all of its VMs or of none
  upid.proxmox.snapshot_guests:
    pool: shop
    snapname: release-42
    vmstate: true
    all_or_nothing: true

- name: Roll a VM back and start it
  upid.proxmox.snapshot_guests:
    guests: web1
    snapname: before-upgrade
    state: rolled_back
    start: true
    allow_destructive: true

- name: Remove a snapshot everywhere
  upid.proxmox.snapshot_guests:
    nodes: all
    snapname: before-upgrade
    state: absent
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
    snapname:
      description: The name of the snapshot, null where only old ones are removed.
      type: str
      returned: always
      sample: auto-20261129-1201
    removed:
      description: The names of the snapshots of O(prefix) that were removed, or would be.
      type: list
      elements: str
      returned: always
      sample: [auto-20261126-1201]
    step:
      description:
        - The last step of the guest, V(snapshot), V(delete_snapshot), V(rollback), V(remove) for an
          old snapshot, or V(undo) for one of a group that failed. Null if there was none.
      type: str
      returned: always
      sample: remove
    upid:
      description: The UPID of the last task of the guest, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmsnapshot:201:ansible@pve!ci:"
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmsnapshot:201:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmsnapshot
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
      sample: VM 201 - Snapshot
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
  sample: "2 guests: 2 ok in 6.2 s"
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
    before: "VM 201 (web1) on pve2: snapshot auto-20261126-1201\n"
    after: "VM 201 (web1) on pve2: snapshot auto-20261129-1201\n"
"""

from ..module_utils._pve.commands import snapshot_guests
from ..module_utils._pve.edge.arguments import GUEST_FILTERS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent", "rolled_back"], "default": "present"},
    "guests": {"type": "list", "elements": "str"},
    "snapname": {"type": "str"},
    "prefix": {"type": "str"},
    "keep": {"type": "int"},
    "vmstate": {"type": "bool", "default": False},
    "description": {"type": "str"},
    "start": {"type": "bool", "default": False},
    "all_or_nothing": {"type": "bool", "default": False},
    "allow_destructive": {"type": "bool", "default": False},
}


def main() -> None:
    spec = {**START_SPEC, **GUEST_FILTERS_SPEC, **ARGUMENT_SPEC}
    run(snapshot_guests.run, spec, keys=("guests", "tasks"))


if __name__ == "__main__":
    main()
