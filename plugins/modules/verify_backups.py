#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_backups
short_description: Restore the newest backup of guests to see that they work
description:
  - Restores the newest backup of each guest into a new guest in a range of VMIDs of its own, takes
    its network away, starts it, waits for a proof that it works, and removes it again.
  - Each guest is verified by itself. If a step fails, what was restored is removed all the same,
    and the others go on.
  - The original guests are not touched. A restored guest bears a mark in its description, and
    nothing is done to a guest whose own configuration, read right before, does not have it.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  guests:
    description:
      - The guests whose backups are verified, each a VMID or a name. A VMID can be that of a guest
        that no longer exists.
      - Instead of a list the guests can be selected by O(pool), O(tags), O(nodes), O(type),
        O(status) and O(name), which all have to fit. V(all) for O(nodes) selects every guest.
    type: list
    elements: raw
  templates:
    description:
      - Whether templates are selected as well. Their backups cannot be started, so they fail.
    type: bool
    default: false
  storages:
    description:
      - The storages on which to look for backups. The default is every storage for backups that
        works.
    type: list
    elements: str
  max_age:
    description:
      - How old the newest backup may be, such as V(26h) or V(8d). An older one fails and is not
        restored.
    type: str
  vmid_range:
    description:
      - The VMIDs for restored guests, such as V(90000-90099), which nothing else should use.
      - Guests in this range that an earlier call restored and could not remove, because it was
        interrupted, are removed first. Those of a call that may still be at work are left alone, so
        that calls at the same time can share a range. That a call has ended is known by its process
        if that ran on this machine, otherwise as soon as the time that is in the description of its
        guests has passed, which is hours later.
    type: str
    required: true
  restore_storage:
    description:
      - The storage for the disks of restored guests. By default each disk goes to the storage that
        the original had.
    type: str
  restore_pool:
    description:
      - The resource pool for restored guests. A user or token that has C(VM.Allocate) on the pool
        does not need it on the VMIDs.
    type: str
  bwlimit:
    description:
      - The limit of each restore in KiB/s.
    type: int
  network:
    description:
      - With V(removed) restored guests have no network interfaces when they start. With
        V(disconnected) they have them, without a link.
      - Passed-through devices, scripts on the node, directories of the node (also by virtiofs),
        shared memory and CD images are taken away in any case. If that is not possible, the guest
        is not started.
    type: str
    choices: [removed, disconnected]
    default: removed
  proof:
    description:
      - What proves that a VM works. With V(agent) its guest agent has to answer, with V(address) it
        has to have an address, with V(command) O(command) has to succeed in it. With V(running) it
        has to run on for O(settle) seconds.
      - Containers have no agent, so for V(agent) and V(command) they only have to run on.
      - V(address) requires O(network=disconnected), and addresses that do not come from a server in
        the network.
    type: str
    choices: [agent, address, command, running]
    default: agent
  command:
    description:
      - The command for O(proof=command) as a list, such as V([systemctl, is-active, postgresql]).
        It has to end with exit code 0.
    type: list
    elements: str
  proof_timeout:
    description:
      - How many seconds to wait for the proof.
    type: int
    default: 300
  settle:
    description:
      - How many seconds a guest has to run on, where nothing else proves that it works.
    type: int
    default: 20
  parallel_guests:
    description:
      - How many restored guests may exist at a time, from 1 to 256. The nodes need memory for them,
        and O(vmid_range) a VMID for each.
    type: int
    default: 4
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan, with the backup of each guest. It fails for guests without one.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - The backups are restored in every run. RV(changed) is V(true) only if a guest was left
        behind, or one of an earlier call was removed.
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.guest_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - A backup on a storage that only one node has is restored on that node, one on shared storage on
    the node of the original.
  - Needs C(VM.Audit) and C(VM.Backup) on the originals, C(Datastore.AllocateSpace) and
    C(Datastore.Audit) on the storages, C(VM.Allocate), C(VM.Audit), C(VM.PowerMgmt) and
    C(VM.Config.*) on the VMIDs of the range or on O(restore_pool). There O(proof=command) also
    needs C(VM.GuestAgent.Unrestricted), O(proof=agent) and O(proof=address) C(VM.GuestAgent.Audit).
  - O(wait) has to be V(true).
seealso:
  - module: upid.proxmox.operation
  - ref: ansible_collections.upid.proxmox.docsite.guide_playbooks
    description: The role and the playbook for this.
"""

EXAMPLES = r"""
- name: Verify the backups of all guests with a tag
  upid.proxmox.verify_backups:
    tags: web
    vmid_range: 90000-90099

- name: See that the database of a VM starts, from a backup of the last day
  upid.proxmox.verify_backups:
    guests: [db1]
    max_age: 26h
    vmid_range: 90000-90099
    proof: command
    command: [systemctl, is-active, postgresql]
"""

RETURN = r"""
changed:
  description:
    - Whether a restored guest was left behind, or one of an earlier call was removed, or would be
      in check mode.
  type: bool
  returned: always
  sample: false
guests:
  description:
    - Every guest that was meant, in the order of the request, selected ones by VMID. In check mode
      the plan.
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
    node:
      description: The node that the guest is on.
      type: str
      returned: always
      sample: pve1
    archive:
      description: The newest backup, null if there is none.
      type: str
      returned: always
      sample: "backups:backup/vzdump-qemu-201-2026_11_21-12_49_06.vma.zst"
    storage:
      description: The storage that has it.
      type: str
      returned: always
      sample: backups
    created:
      description: When the backup was made, ISO 8601 in UTC.
      type: str
      returned: always
      sample: "2026-11-21T12:49:06Z"
    size:
      description: The size of the archive in bytes.
      type: int
      returned: always
      sample: 1395864371
    proven:
      description: Whether the restored guest worked.
      type: bool
      returned: always
      sample: true
    proof:
      description: What proved it, null if it is not proven.
      type: str
      returned: always
      sample: the agent answers
    restore_duration:
      description: How many seconds the restore took, null if it was not begun.
      type: int
      returned: always
      sample: 61
    scratch_vmid:
      description: The VMID of the restored guest, null if it was not begun.
      type: int
      returned: always
      sample: 90000
    left:
      description:
        - Whether the restored guest may still exist. The next call that knows that this one has
          ended removes it.
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
      sample: false
    step:
      description:
        - The step that failed, V(restore), V(isolate), V(start), V(proof) or V(remove). Null
          otherwise, and if nothing was begun.
      type: str
      returned: always
      sample: null
    message:
      description:
        - Why the guest failed or was left as it is, or what is pending until its restart. Null
          otherwise.
      type: str
      returned: always
      sample: null
    upid:
      description: The UPID of the last task of the guest, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmrestore:90000:ansible@pve!ci:"
    steps:
      description: Every step that was begun, with C(name), C(outcome) and C(message).
      type: list
      elements: dict
      returned: always
      sample:
        - {name: restore, outcome: ok, message: null}
leftovers:
  description:
    - The restored guests of other calls that were found in the range, with C(vmid), C(node),
      C(type), C(archive), C(removed), and in C(message) why one is left alone.
  type: list
  elements: dict
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmrestore:90000:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmrestore
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "90000"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM 90000 - Restore
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
  sample: "3 guests: 3 ok in 12 min 4 s"
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
    elapsed: 93.1
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
    before: ""
    after: ""
"""

from ..module_utils._pve.commands import verify_backups
from ..module_utils._pve.edge.arguments import GUEST_FILTERS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "guests": {"type": "list", "elements": "raw"},
    "templates": {"type": "bool", "default": False},
    "storages": {"type": "list", "elements": "str"},
    "max_age": {"type": "str"},
    "vmid_range": {"type": "str", "required": True},
    "restore_storage": {"type": "str"},
    "restore_pool": {"type": "str"},
    "bwlimit": {"type": "int"},
    "network": {"type": "str", "choices": ["removed", "disconnected"], "default": "removed"},
    "proof": {
        "type": "str",
        "choices": ["agent", "address", "command", "running"],
        "default": "agent",
    },
    "command": {"type": "list", "elements": "str"},
    "proof_timeout": {"type": "int", "default": 300},
    "settle": {"type": "int", "default": 20},
    "parallel_guests": {"type": "int", "default": 4},
}


def main() -> None:
    # The command may hold a password, so the call is not written to the system's log.
    spec = {**START_SPEC, **GUEST_FILTERS_SPEC, **ARGUMENT_SPEC}
    run(verify_backups.run, spec, keys=("guests", "leftovers", "tasks"), no_log=True)


if __name__ == "__main__":
    main()
