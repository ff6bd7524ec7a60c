#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: operation
short_description: Run an operation on one or many guests
description:
  - Runs an operation on any number of VMs and containers, as many at a time as the cluster allows,
    and waits for the tasks.
  - A guest that is already in the requested state is left alone. If the operation already runs on a
    guest, its task is adopted.
  - For a guest that HA manages, Proxmox VE only files a request. The module then waits until HA has
    carried it out, and returns HA's task as well, if the user or token may see it.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  operation:
    description:
      - V(start) starts a guest that does not run.
      - V(shutdown) asks the guest to shut down. With the parameter C(forceStop) it is stopped if it
        does not do so in time, which is destructive.
      - V(stop) stops the guest at once, like pulling the plug. Destructive.
      - V(reboot) shuts the guest down and starts it again, in two tasks for a VM. It ends when the
        guest runs again.
      - V(configure) sets configuration options. It compares first, and changes only what differs. A
        property string such as C(net0) is compared as a whole: properties that it leaves out are
        removed, except those that Proxmox VE fills in (a MAC address, a volume, its size). The
        parameter C(delete) removes options, C(revert) reverts pending changes.
      - In V(configure), V(ceph:64) for a disk means a volume of 64 GiB on the storage C(ceph). It
        is created if the slot is empty. An existing volume of this size on this storage is kept,
        even with C(import-from), which only applies to a new one. Another size is an error, see
        V(resize), and so is another storage. Replacing a volume is destructive, and so is C(delete)
        with C(force) or of an unused disk, which frees the volume.
      - V(resize) grows the disk C(disk) to C(size) such as V(32G), or by C(size) if it begins with
        a plus sign. A disk cannot shrink.
      - V(template) converts the guest to a template, which cannot be undone. Destructive.
      - V(migrate) moves the guest to the node C(target). A running VM needs the parameter
        C(online), a running container C(restart).
      - V(delete) removes the guest and its disks. A guest that does not exist counts as deleted. A
        running one is refused unless O(force_stop) is set. Destructive. Without quorum it fails,
        but may destroy the disks and leave the configuration.
    type: str
    choices: [start, shutdown, stop, reboot, configure, resize, template, migrate, delete]
    required: true
  guests:
    description:
      - The guests, each a VMID, a name, or a dictionary with C(vmid) or C(name) and its own
        C(params), which are added to O(params). A number is a VMID, except in C(name).
      - A guest given by name is changed only if its configuration, read right before, still has
        that name.
      - A guest that does not exist, is on a node that does not answer, or does not allow the
        operation fails on its own; the others go on.
      - Instead of a list the guests can be selected by O(pool), O(tags), O(nodes), O(type),
        O(status) and O(name), which all have to fit. A selected guest is checked again right before
        it is changed, by its own configuration, and left as it is if it does not fit any more.
        Where none is selected, nothing is done and RV(msg) says so.
      - A selected guest on a node that does not answer fails.
    type: list
    elements: raw
  templates:
    description:
      - Whether templates are selected as well. Without it they have to be named in O(guests).
    type: bool
    default: false
  params:
    description:
      - Parameters of the operation by their names in the API.
      - Lists are joined in the format of Proxmox VE, V(true) and V(false) become 1 and 0, and a
        dictionary becomes a property string, in which a key may have no value, such as C(virtio) in
        C(net0).
    type: dict
  allow_destructive:
    description:
      - Whether to allow operations that can lose data. Otherwise they are refused before anything
        is done.
    type: bool
    default: false
  force_stop:
    description:
      - Whether V(delete) stops a running guest first, like pulling the plug. It also needs the
        privilege C(VM.PowerMgmt).
    type: bool
    default: false
  apply:
    description:
      - When settings of V(configure) that need a restart take effect in a running guest.
      - With V(on_restart) they stay pending, and the result lists them. With V(now) the guest is
        rebooted if anything is pending, which also needs the privilege C(VM.PowerMgmt).
    type: str
    choices: [on_restart, now]
    default: on_restart
  update_password:
    description:
      - Whether V(configure) sets C(cipassword) in every run (V(always)), or only in guests without
        a password (V(on_create)). Proxmox VE does not reveal the current password.
    type: str
    choices: [always, on_create]
    default: always
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. A missing guest counts as one that an earlier task would have created.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - V(reboot), and V(resize) with a plus sign, make a change in every run.
      - V(configure) with C(cipassword) sets it in every run, unless O(update_password=on_create).
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.start
  - upid.proxmox.guest_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - On C(/vms/{vmid}), V(start), V(shutdown), V(stop) and V(reboot) need the privilege
    C(VM.PowerMgmt), V(template) and V(delete) C(VM.Allocate), V(migrate) C(VM.Migrate), V(resize)
    C(VM.Config.Disk), and V(configure) that of each option, such as C(VM.Config.CPU),
    C(VM.Config.Memory), C(VM.Config.Network), C(VM.Config.Cloudinit), C(VM.Config.Disk),
    C(VM.Config.CDROM) for CD and cloud-init drives, or C(VM.Config.Options).
    C(VM.Audit) is needed to see the guest.
  - For a guest that HA manages, the module waits until the guest is in the requested state, not
    just until the request is filed.
seealso:
  - module: upid.proxmox.clone
  - module: upid.proxmox.container
  - module: upid.proxmox.guest_info
"""

EXAMPLES = r"""
- name: Start a VM
  upid.proxmox.operation:
    operation: start
    guests: web1

- name: Configure cloud-init of some VMs, and more memory for one
  upid.proxmox.operation:
    operation: configure
    params:
      ciuser: admin
      ipconfig0: ip=dhcp
      cores: 2
      tags: [web, ansible]
    guests:
      - web1
      - 202
      - name: web3
        params:
          memory: 8192

- name: Change the VLAN of a VM, which keeps its MAC address
  upid.proxmox.operation:
    operation: configure
    guests: web1
    params:
      net0:
        virtio:
        bridge: vmbr0
        tag: 20

- name: Add a data disk and memory to a VM, with a reboot if necessary
  upid.proxmox.operation:
    operation: configure
    guests: web1
    params:
      scsi1: ceph:64
      memory: 8192
    apply: now

- name: Grow a disk
  upid.proxmox.operation:
    operation: resize
    guests: [web1, web2]
    params:
      disk: scsi0
      size: 20G

- name: Shut down the running guests with a tag
  upid.proxmox.operation:
    operation: shutdown
    tags: web
    status: running

- name: Delete the test VMs of a pool
  upid.proxmox.operation:
    operation: delete
    pool: ci
    name: test-*
    type: qemu
    allow_destructive: true
    force_stop: true

- name: Migrate a running VM
  upid.proxmox.operation:
    operation: migrate
    guests: web1
    params:
      target: pve2
      online: true

- name: Delete a container
  upid.proxmox.operation:
    operation: delete
    guests: 301
    params:
      purge: true
    allow_destructive: true
"""

RETURN = r"""
changed:
  description: Whether a guest was changed, or would be changed in check mode.
  type: bool
  returned: always
  sample: true
msg:
  description: That no guest was selected.
  type: str
  returned: when no guest was selected
  sample: there is no guest with tags web, status running; nothing was done
guests:
  description:
    - Every requested guest, in the order of the request, selected ones by VMID. In check mode the
      plan.
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmstart:201:ansible@pve!ci:"
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
    pending:
      description: The options that take effect at the next start of the guest.
      type: list
      elements: str
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmstart:201:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmstart
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
      sample: VM 201 - Start
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
    before: "VM 201 (web1) on pve2: memory: 2048\n"
    after: "VM 201 (web1) on pve2: memory: 8192\n"
"""

from ..module_utils._pve.commands import operation
from ..module_utils._pve.edge.arguments import GUEST_FILTERS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run
from ..module_utils._pve.operations.catalog import OPERATIONS

ARGUMENT_SPEC = {
    "operation": {"type": "str", "choices": list(OPERATIONS)},
    "method": {"type": "str", "choices": ["POST", "PUT", "DELETE", "GET"]},
    "path": {"type": "str"},
    "storage": {"type": "str"},
    "guests": {"type": "list", "elements": "raw"},
    "templates": {"type": "bool", "default": False},
    "params": {"type": "dict"},
    "allow_destructive": {"type": "bool", "default": False},
    "force_stop": {"type": "bool", "default": False},
    "apply": {"type": "str", "choices": ["on_restart", "now"], "default": "on_restart"},
    "update_password": {
        "type": "str",
        "choices": ["always", "on_create"],
        "default": "always",
        "no_log": False,  # it says when, not what
    },
}


def main() -> None:
    # The parameters may hold a password, so the call is not written to the system's log.
    spec = {**START_SPEC, **GUEST_FILTERS_SPEC, **ARGUMENT_SPEC}
    run(operation.run, spec, keys=("guests", "targets", "tasks"), no_log=True)


if __name__ == "__main__":
    main()
