#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container
short_description: Create one or many containers
description:
  - Creates any number of containers from an OS template, as many at a time as the cluster allows.
  - Existing containers are kept, creates of an earlier call that still run are adopted, and the
    others are started. So to finish an interrupted call, run it again.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  hostname:
    description:
      - The host name of the new container, which is its name.
      - A complete container with this name is kept.
      - Names are not unique in Proxmox VE. Where two runs may overlap, set a VMID as well.
      - At the top level mutually exclusive with O(guests).
    type: str
  vmid:
    description:
      - The VMID of the new container. By default a free one is chosen.
      - It is an error if a guest with another name has this VMID.
      - At the top level mutually exclusive with O(guests).
    type: int
  target_node:
    description:
      - The node of the new container. Without it O(placement) chooses one.
    type: str
    aliases: [node]
  ostemplate:
    description:
      - The OS template as a volume, such as
        V(local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst).
    type: str
    required: true
  rootfs:
    description:
      - The root file system as a size in GiB (V(8), on O(storage)), a storage and a size
        (V(ceph:8)), or a string in the format of Proxmox VE.
    type: str
  storage:
    description:
      - The storage of volumes that do not specify one. The default of Proxmox VE is V(local), which
        does not accept containers on a fresh installation.
    type: str
  cores:
    description:
      - The number of CPU cores, by default all of the node.
    type: int
  memory:
    description:
      - The memory in MiB.
    type: int
  swap:
    description:
      - The swap space in MiB.
    type: int
  net:
    description:
      - The network interfaces. A string is the first one, a list has them in order, and a
        dictionary has them by name, such as V(net0).
      - An interface is a string in the format of Proxmox VE, such as
        V(name=eth0,bridge=vmbr0,ip=dhcp), or a dictionary.
    type: raw
  password:
    description:
      - The password of root in the container, at least 5 characters.
    type: str
  ssh_public_keys:
    description:
      - The SSH public keys of root in the container, a list, or a string with one key per line.
    type: raw
  unprivileged:
    description:
      - Whether the container is unprivileged, so that root in it is an ordinary user there. The
        default is V(true).
      - V(false) needs the privilege C(Sys.Modify) on C(/).
    type: bool
  features:
    description:
      - Features of the container by their names, such as C(nesting).
      - Proxmox VE allows features other than C(nesting) only for C(root@pam) with a password.
    type: dict
  nameserver:
    description:
      - The addresses of the name servers, by default those of the node.
    type: str
  searchdomain:
    description:
      - The DNS search domains, by default those of the node.
    type: str
  tags:
    description:
      - The tags of the container.
    type: list
    elements: str
  onboot:
    description:
      - Whether the container is started when the node boots.
    type: bool
  start:
    description:
      - Whether to start the container when it is created.
      - Proxmox VE starts it in a separate task. The outcome of the create task does not include
        that of the start.
    type: bool
  pool:
    description:
      - The resource pool of the container.
    type: str
  description:
    description:
      - The description of the container.
    type: str
  params:
    description:
      - Any other parameters of the API call, by their names, such as C(mp0), C(startup) or
        C(timezone).
    type: dict
  guests:
    description:
      - The new containers, if there are several. An empty list succeeds.
      - Options that a container does not set are taken from the top level. Its O(guests[].params)
        are added to O(params).
    type: list
    elements: dict
    suboptions:
      hostname:
        description:
          - The host name of the new container, which is its name.
          - A complete container with this name is kept.
          - Names are not unique in Proxmox VE. Where two runs may overlap, set a VMID as well.
        type: str
      vmid:
        description:
          - The VMID of the new container. By default a free one is chosen.
          - It is an error if a guest with another name has this VMID.
        type: int
      target_node:
        description:
          - The node of the new container. Without it O(placement) chooses one.
        type: str
        aliases: [node]
      ostemplate:
        description:
          - The OS template of this container, if it is a different one.
        type: str
      rootfs:
        description:
          - The root file system as a size in GiB (V(8), on O(storage)), a storage and a size
            (V(ceph:8)), or a string in the format of Proxmox VE.
        type: str
      storage:
        description:
          - The storage of volumes that do not specify one. The default of Proxmox VE is V(local),
            which does not accept containers on a fresh installation.
        type: str
      cores:
        description:
          - The number of CPU cores, by default all of the node.
        type: int
      memory:
        description:
          - The memory in MiB.
        type: int
      swap:
        description:
          - The swap space in MiB.
        type: int
      net:
        description:
          - The network interfaces. A string is the first one, a list has them in order, and a
            dictionary has them by name, such as V(net0).
          - An interface is a string in the format of Proxmox VE, such as
            V(name=eth0,bridge=vmbr0,ip=dhcp), or a dictionary.
        type: raw
      password:
        description:
          - The password of root in the container, at least 5 characters.
        type: str
      ssh_public_keys:
        description:
          - The SSH public keys of root in the container, a list, or a string with one key per line.
        type: raw
      unprivileged:
        description:
          - Whether the container is unprivileged, so that root in it is an ordinary user there. The
            default is V(true).
          - V(false) needs the privilege C(Sys.Modify) on C(/).
        type: bool
      features:
        description:
          - Features of the container by their names, such as C(nesting).
          - Proxmox VE allows features other than C(nesting) only for C(root@pam) with a password.
        type: dict
      nameserver:
        description:
          - The addresses of the name servers, by default those of the node.
        type: str
      searchdomain:
        description:
          - The DNS search domains, by default those of the node.
        type: str
      tags:
        description:
          - The tags of the container.
        type: list
        elements: str
      onboot:
        description:
          - Whether the container is started when the node boots.
        type: bool
      start:
        description:
          - Whether to start the container when it is created.
          - Proxmox VE starts it in a separate task. The outcome of the create task does not include
            that of the start.
        type: bool
      pool:
        description:
          - The resource pool of the container.
        type: str
      description:
        description:
          - The description of the container.
        type: str
      params:
        description:
          - Any other parameters of the API call, by their names, such as C(mp0), C(startup) or
            C(timezone).
        type: dict
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. A VMID that is not chosen yet is null.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - The configuration of an existing container is not compared; use M(upid.proxmox.operation)
        for that.
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.new_guests
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - A problem of one container (its VMID is taken by another name, its template is missing on
    its node) fails that container alone. The others are created.
  - The privileges C(VM.Allocate) and, for the options that are given, C(VM.Config.Disk),
    C(VM.Config.CPU), C(VM.Config.Memory), C(VM.Config.Network) (also for O(hostname) and
    O(nameserver)) and C(VM.Config.Options) on C(/vms/{vmid}) or on C(/pool/{pool}),
    C(Datastore.AllocateSpace) on C(/storage/{storage}) of each volume, C(Datastore.Audit) or
    C(Datastore.AllocateSpace) on the storage of O(ostemplate), and C(SDN.Use) on the bridges are
    needed.
seealso:
  - module: upid.proxmox.clone
  - module: upid.proxmox.operation
  - module: upid.proxmox.guest_info
"""

EXAMPLES = r"""
- name: Create a container
  upid.proxmox.container:
    ostemplate: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
    hostname: cache1
    target_node: pve1
    storage: local-lvm

- name: Create a container with an address and a key, and start it
  upid.proxmox.container:
    ostemplate: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
    hostname: cache1
    vmid: 301
    target_node: pve1
    storage: ceph
    rootfs: 8
    cores: 2
    memory: 1024
    net: name=eth0,bridge=vmbr0,ip=192.0.2.31/24,gw=192.0.2.1
    ssh_public_keys: "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"
    features:
      nesting: true
    tags: [cache, ansible]
    start: true

- name: Create three containers, spread over the nodes
  upid.proxmox.container:
    ostemplate: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
    storage: ceph
    rootfs: 4
    placement: least_memory
    net: name=eth0,bridge=vmbr0,ip=dhcp
    params:
      timezone: host
    guests:
      - hostname: cache1
      - hostname: cache2
      - hostname: cache3
        memory: 4096
"""

RETURN = r"""
changed:
  description: Whether a container was created, or would be in check mode.
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
      sample: lxc
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:vzcreate:201:ansible@pve!ci:"
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:vzcreate:201:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: vzcreate
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
      sample: CT 201 - Create
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
  sample: "3 guests: 2 ok, 1 unchanged in 21 s"
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
    after: "cache1: lxc 301 on pve1, created\n"
"""

from ..module_utils._pve.commands import container
from ..module_utils._pve.edge.arguments import NEW_GUESTS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run

GUEST_SPEC = {
    "hostname": {"type": "str"},
    "vmid": {"type": "int"},
    "target_node": {"type": "str", "aliases": ["node"]},
    "ostemplate": {"type": "str"},
    "rootfs": {"type": "str"},
    "storage": {"type": "str"},
    "cores": {"type": "int"},
    "memory": {"type": "int"},
    "swap": {"type": "int"},
    "net": {"type": "raw"},
    "password": {"type": "str", "no_log": True},
    # Public keys are no secrets.
    "ssh_public_keys": {"type": "raw", "no_log": False},
    "unprivileged": {"type": "bool"},
    "features": {"type": "dict"},
    "nameserver": {"type": "str"},
    "searchdomain": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "onboot": {"type": "bool"},
    "start": {"type": "bool"},
    "pool": {"type": "str"},
    "description": {"type": "str"},
    "params": {"type": "dict"},
}
ARGUMENT_SPEC = {
    **GUEST_SPEC,
    "ostemplate": {"type": "str", "required": True},
    "guests": {
        "type": "list",
        "elements": "dict",
        "options": GUEST_SPEC,
        "required_one_of": [("hostname", "vmid")],
    },
    **NEW_GUESTS_SPEC,
}


def main() -> None:
    run(
        container.run,
        {**START_SPEC, **ARGUMENT_SPEC},
        keys=("guests", "tasks"),
        mutually_exclusive=[("guests", "hostname"), ("guests", "vmid")],
        required_one_of=[("guests", "hostname", "vmid")],
        no_log=True,  # not to the system's log: the parameters may hold a password
    )


if __name__ == "__main__":
    main()
