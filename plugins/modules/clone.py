#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: clone
short_description: Clone one or many guests
description:
  - Clones a VM or a container any number of times, as many at a time as the cluster allows.
  - Existing guests are kept, clones of an earlier call that still run are adopted, and the others
    are started. So to finish an interrupted call, run it again.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  source:
    description:
      - The VM, container or template to clone, by VMID or by name. Its type and node are detected.
      - The privilege C(VM.Clone) on C(/vms/{source}) is needed, and C(VM.Audit) to see it.
    type: str
    required: true
  name:
    description:
      - The name of the new guest, for a container its host name.
      - A complete guest with this name is kept.
      - Names are not unique in Proxmox VE. Where two runs may overlap, set a VMID as well.
      - At the top level mutually exclusive with O(guests).
    type: str
  vmid:
    description:
      - The VMID of the new guest. By default a free one is chosen.
      - It is an error if a guest with another name has this VMID.
      - At the top level mutually exclusive with O(guests).
    type: int
    aliases: [newid]
  target_node:
    description:
      - The node of the new guest, by default that of the source. For another node, the disks of the
        source and O(storage) have to be on shared storage.
    type: str
    aliases: [target]
  full:
    description:
      - Whether to create a full clone (V(true)) or a linked clone (V(false)).
      - By default Proxmox VE creates a linked clone of a template and a full clone of anything
        else.
    type: bool
  storage:
    description:
      - The storage of the disks of a full clone, by default that of the source.
    type: str
  format:
    description:
      - The format of the disks of a full clone of a VM, on file-based storage.
    type: str
    choices: [raw, qcow2, vmdk]
  pool:
    description:
      - The resource pool of the new guest.
    type: str
  description:
    description:
      - The description of the new guest.
    type: str
  snapname:
    description:
      - The snapshot of the source to clone. By default its current state is cloned.
    type: str
  bwlimit:
    description:
      - The bandwidth limit of the clone in KiB/s. V(0) means no limit.
    type: int
  guests:
    description:
      - The new guests, if there are several. An empty list succeeds.
      - Options that a guest does not set are taken from the top level.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the new guest, for a container its host name.
          - A complete guest with this name is kept.
          - Names are not unique in Proxmox VE. Where two runs may overlap, set a VMID as well.
        type: str
      vmid:
        description:
          - The VMID of the new guest. By default a free one is chosen.
          - It is an error if a guest with another name has this VMID.
        type: int
        aliases: [newid]
      target_node:
        description:
          - The node of the new guest, by default that of the source. For another node, the disks of
            the source and O(storage) have to be on shared storage.
        type: str
        aliases: [target]
      full:
        description:
          - Whether to create a full clone (V(true)) or a linked clone (V(false)).
          - By default Proxmox VE creates a linked clone of a template and a full clone of anything
            else.
        type: bool
      storage:
        description:
          - The storage of the disks of a full clone, by default that of the source.
        type: str
      format:
        description:
          - The format of the disks of a full clone of a VM, on file-based storage.
        type: str
        choices: [raw, qcow2, vmdk]
      pool:
        description:
          - The resource pool of the new guest.
        type: str
      description:
        description:
          - The description of the new guest.
        type: str
      snapname:
        description:
          - The snapshot of the source to clone. By default its current state is cloned.
        type: str
      bwlimit:
        description:
          - The bandwidth limit of the clone in KiB/s. V(0) means no limit.
        type: int
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. A VMID that is not chosen yet is null.
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.new_guests
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - Besides C(VM.Clone), the privileges C(VM.Allocate) on C(/vms/{vmid}) of the new guest or on
    C(/pool/{pool}), C(Datastore.AllocateSpace) on C(/storage/{storage}) of each disk, and
    C(SDN.Use) on the bridges of the source are needed.
  - A problem of one guest (its VMID belongs to a guest with another name, its node is offline)
    fails only that guest. The others are cloned.
  - A stopped VM or a template can be cloned many times at once. Proxmox VE locks a running VM and
    every container while it is cloned, so their clones run one after the other. The module waits
    for clones of other users.
seealso:
  - module: upid.proxmox.container
  - module: upid.proxmox.operation
  - module: upid.proxmox.guest_info
"""

EXAMPLES = r"""
- name: Clone a template
  upid.proxmox.clone:
    source: debian-12-cloud
    name: web1

- name: Create a full clone with its own VMID on another node
  upid.proxmox.clone:
    source: 9000
    name: db1
    vmid: 210
    target_node: pve2
    full: true
    storage: ceph

- name: Clone three VMs, spread over the nodes
  upid.proxmox.clone:
    source: debian-12-cloud
    placement: round_robin
    vmid_range: 200-299
    pool: web
    guests:
      - name: web1
      - name: web2
      - name: web3
        description: This one has a fixed node.
        target_node: pve1
  register: clones

- name: Show where they are
  ansible.builtin.debug:
    msg: "{{ item.name }} is {{ item.vmid }} on {{ item.node }}"
  loop: "{{ clones.guests }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
changed:
  description: Whether a guest was created, or would be in check mode.
  type: bool
  returned: always
  sample: true
guests:
  description: Every requested guest, in the order of the options. In check mode the plan.
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
    upid:
      description: The UPID of the last task of the guest, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
    attempts:
      description: How many start requests were sent. V(0) if it existed or its task was adopted.
      type: int
      returned: always
      sample: 1
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmclone
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "9000"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM 9000 - Clone
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
  sample: "12 guests: 10 ok, 1 failed (web3: no space left on device), 1 unchanged in 43 s"
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
    ok: 3
    total: 3
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
    before: ""
    after: "web1: qemu 201 on pve2, cloned from VM 9000 (debian-12-cloud) on pve1\n"
"""

from ..module_utils._pve.commands import clone
from ..module_utils._pve.edge.arguments import NEW_GUESTS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run

GUEST_SPEC = {
    "name": {"type": "str"},
    "vmid": {"type": "int", "aliases": ["newid"]},
    "target_node": {"type": "str", "aliases": ["target"]},
    "full": {"type": "bool"},
    "storage": {"type": "str"},
    "format": {"type": "str", "choices": ["raw", "qcow2", "vmdk"]},
    "pool": {"type": "str"},
    "description": {"type": "str"},
    "snapname": {"type": "str"},
    "bwlimit": {"type": "int"},
}
ARGUMENT_SPEC = {
    "source": {"type": "str", "required": True},
    **GUEST_SPEC,
    "guests": {
        "type": "list",
        "elements": "dict",
        "options": GUEST_SPEC,
        "required_one_of": [("name", "vmid")],
    },
    **NEW_GUESTS_SPEC,
}


def main() -> None:
    run(
        clone.run,
        {**START_SPEC, **ARGUMENT_SPEC},
        keys=("guests", "tasks"),
        mutually_exclusive=[("guests", "name"), ("guests", "vmid")],
        required_one_of=[("guests", "name", "vmid")],
    )


if __name__ == "__main__":
    main()
