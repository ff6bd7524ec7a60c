#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet
short_description: Bring any number of guests to the requested state
description:
  - Creates VMs and containers by cloning, from OS templates or from scratch, configures them, grows
    their disks, starts them and waits for their addresses, all in one call.
  - Each step of a guest begins as soon as the step before has succeeded, so that no guest waits for
    the slowest. If a step fails, its guest stops there and the others go on.
  - Guests that need no change are left alone. To finish an interrupted call, run it again. It
    adopts the tasks that still run.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  guests:
    description:
      - The guests, one by one. Options that a guest does not set are taken from the top level;
        dictionaries are merged over those at the top level, entry by entry, and null removes an
        entry.
      - Mutually exclusive with O(count).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the guest, for a container its host name. A guest is identified by its VMID
            if it has one here, otherwise by its name.
        type: str
        aliases: [hostname]
      vmid:
        description:
          - The VMID of the guest. By default a free one is chosen.
          - It is an error if a guest with another name has this VMID.
        type: int
        aliases: [newid]
      type:
        description:
          - Whether the guest is a VM (V(qemu)) or a container (V(lxc)).
          - The default is the type of O(source), V(lxc) with an O(ostemplate), and V(qemu)
            otherwise.
        type: str
        choices: [qemu, lxc]
      source:
        description:
          - The VM, container or template to clone the guest from, by VMID or by name.
          - Without it and without O(ostemplate) the guest is a VM from scratch.
        type: str
      ostemplate:
        description:
          - The OS template to create a container from, such as
            V(local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst).
        type: str
      node:
        description:
          - The node of a new guest. An existing guest stays on its node.
          - By default O(placement) chooses it.
        type: str
        aliases: [target_node]
      full:
        description:
          - Whether a clone is a full clone (V(true)) or a linked clone (V(false)).
          - By default Proxmox VE creates a linked clone of a template and a full clone of anything
            else.
        type: bool
      storage:
        description:
          - The storage of the disks of a full clone, and of new disks that do not specify one.
        type: str
      format:
        description:
          - The format of the disks of a full clone of a VM, on file-based storage.
        type: str
        choices: [raw, qcow2, vmdk]
      pool:
        description:
          - The resource pool of a new guest.
        type: str
      description:
        description:
          - The notes of the guest.
        type: str
      snapname:
        description:
          - The snapshot of O(source) to clone. By default its current state is cloned.
        type: str
      bwlimit:
        description:
          - The bandwidth limit of a clone in KiB/s. V(0) means no limit.
        type: int
      cores:
        description:
          - The number of cores, for a VM per socket.
        type: int
      memory:
        description:
          - The memory in MiB.
        type: int
      swap:
        description:
          - The swap space of a container in MiB.
        type: int
      tags:
        description:
          - The tags of the guest. An empty list keeps those that it has.
        type: list
        elements: str
      onboot:
        description:
          - Whether the guest is started when its node boots.
        type: bool
      ci_user:
        description:
          - The user that cloud-init creates. It is returned with the guest.
        type: str
      ci_password:
        description:
          - The password of O(ci_user). See O(update_password).
        type: str
      ssh_public_keys:
        description:
          - The public SSH keys for O(ci_user), or for root in a container when it is created.
        type: list
        elements: str
      password:
        description:
          - The password of root in a container when it is created, at least 5 characters.
        type: str
      ipconfig:
        description:
          - The cloud-init IP configuration of the first network interface of a VM, such as
            V(ip=dhcp).
        type: str
      nameserver:
        description:
          - The addresses of the name servers.
        type: str
      searchdomain:
        description:
          - The DNS search domains.
        type: str
      unprivileged:
        description:
          - Whether a new container is unprivileged, so that root in it is an ordinary user there.
            The default is V(true).
        type: bool
      features:
        description:
          - Features of a container by their names, such as C(nesting).
        type: dict
      nics:
        description:
          - The network interfaces by their names, such as C(net0). Each is a dictionary of
            properties, or a string in the format of Proxmox VE.
          - An interface gets exactly these properties, but keeps its MAC address.
        type: dict
      disks:
        description:
          - The disks by their names, such as C(scsi0), C(rootfs) or C(mp0). Each is a size in GiB,
            or a dictionary of C(size), C(storage) and further properties in Proxmox VE.
          - An existing disk keeps its volume; it can grow but never shrinks. A missing disk is
            created.
        type: dict
      config:
        description:
          - Any other configuration options, by their names in Proxmox VE.
          - They take precedence over all other settings.
        type: dict
      params:
        description:
          - Further parameters by their names in the API for the creation of a container from its OS
            template, or of a VM from scratch, such as C(mp0).
          - They do not apply to clones or existing guests.
        type: dict
      groups:
        description:
          - The inventory groups of the guest. They are returned with the guest, for
            M(ansible.builtin.add_host).
        type: list
        elements: str
      state:
        description:
          - The requested state of the guest.
          - V(present) creates and configures it, and neither starts nor stops it. V(started) also
            starts it, V(stopped) also shuts it down.
          - V(absent) stops and deletes it with its disks, and needs O(allow_destructive).
        type: str
        choices: [present, started, stopped, absent]
  count:
    description:
      - The number of guests that differ only in a number. See O(name_pattern).
    type: int
  name_pattern:
    description:
      - The names of O(count) guests, with a printf-style placeholder for the number.
    type: str
    default: guest-%02d
  first:
    description:
      - The number in the name of the first of O(count) guests.
    type: int
    default: 1
  vmid_start:
    description:
      - The VMID of the first of O(count) guests. The others count up from it.
      - Set VMIDs where two runs may overlap, because names are not unique in Proxmox VE.
    type: int
  ipconfig_start:
    description:
      - The number of the first guest in O(ipconfig) and O(nics). The default is O(first).
    type: int
  type:
    description:
      - Whether the guest is a VM (V(qemu)) or a container (V(lxc)).
      - The default is the type of O(source), V(lxc) with an O(ostemplate), and V(qemu) otherwise.
    type: str
    choices: [qemu, lxc]
  source:
    description:
      - The VM, container or template to clone the guest from, by VMID or by name.
      - Without it and without O(ostemplate) the guest is a VM from scratch.
    type: str
  ostemplate:
    description:
      - The OS template to create a container from, such as
        V(local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst).
    type: str
  node:
    description:
      - The node of a new guest. An existing guest stays on its node.
      - By default O(placement) chooses it.
    type: str
    aliases: [target_node]
  full:
    description:
      - Whether a clone is a full clone (V(true)) or a linked clone (V(false)).
      - By default Proxmox VE creates a linked clone of a template and a full clone of anything
        else.
    type: bool
  storage:
    description:
      - The storage of the disks of a full clone, and of new disks that do not specify one.
    type: str
  format:
    description:
      - The format of the disks of a full clone of a VM, on file-based storage.
    type: str
    choices: [raw, qcow2, vmdk]
  pool:
    description:
      - The resource pool of a new guest.
    type: str
  description:
    description:
      - The notes of the guest.
    type: str
  snapname:
    description:
      - The snapshot of O(source) to clone. By default its current state is cloned.
    type: str
  bwlimit:
    description:
      - The bandwidth limit of a clone in KiB/s. V(0) means no limit.
    type: int
  cores:
    description:
      - The number of cores, for a VM per socket.
    type: int
  memory:
    description:
      - The memory in MiB.
    type: int
  swap:
    description:
      - The swap space of a container in MiB.
    type: int
  tags:
    description:
      - The tags of the guest. An empty list keeps those that it has.
    type: list
    elements: str
  onboot:
    description:
      - Whether the guest is started when its node boots.
    type: bool
  ci_user:
    description:
      - The user that cloud-init creates. It is returned with the guest.
    type: str
  ci_password:
    description:
      - The password of O(ci_user). See O(update_password).
    type: str
  ssh_public_keys:
    description:
      - The public SSH keys for O(ci_user), or for root in a container when it is created.
    type: list
    elements: str
  password:
    description:
      - The password of root in a container when it is created, at least 5 characters.
    type: str
  ipconfig:
    description:
      - The cloud-init IP configuration of the first network interface of a VM, such as V(ip=dhcp).
      - At the top level a printf-style placeholder, as in V(ip=192.0.2.%d/24,gw=192.0.2.1), is
        replaced by the number of each guest. See O(ipconfig_start).
    type: str
  nameserver:
    description:
      - The addresses of the name servers.
    type: str
  searchdomain:
    description:
      - The DNS search domains.
    type: str
  unprivileged:
    description:
      - Whether a new container is unprivileged, so that root in it is an ordinary user there. The
        default is V(true).
    type: bool
  features:
    description:
      - Features of a container by their names, such as C(nesting).
    type: dict
  nics:
    description:
      - The network interfaces by their names, such as C(net0). Each is a dictionary of properties,
        or a string in the format of Proxmox VE.
      - An interface gets exactly these properties, but keeps its MAC address.
      - At the top level, placeholders are replaced as in O(ipconfig).
    type: dict
  disks:
    description:
      - The disks by their names, such as C(scsi0), C(rootfs) or C(mp0). Each is a size in GiB, or a
        dictionary of C(size), C(storage) and further properties in Proxmox VE.
      - An existing disk keeps its volume; it can grow but never shrinks. A missing disk is created.
    type: dict
  config:
    description:
      - Any other configuration options, by their names in Proxmox VE.
      - They take precedence over all other settings.
    type: dict
  params:
    description:
      - Further parameters by their names in the API for the creation of a container from its OS
        template, or of a VM from scratch, such as C(mp0).
      - They do not apply to clones or existing guests.
    type: dict
  groups:
    description:
      - The inventory groups of the guest. They are returned with the guest, for
        M(ansible.builtin.add_host).
    type: list
    elements: str
  state:
    description:
      - The requested state of the guest.
      - V(present) creates and configures it, and neither starts nor stops it. V(started) also
        starts it, V(stopped) also shuts it down.
      - V(absent) stops and deletes it with its disks, and needs O(allow_destructive).
    type: str
    choices: [present, started, stopped, absent]
    default: started
  exact:
    description:
      - Whether to stop and delete guests that match O(selector) but are not listed.
      - It needs O(allow_destructive). Templates and the sources of clones are never deleted, and
        nothing is deleted while a listed guest cannot be identified.
    type: bool
    default: false
  selector:
    description:
      - Which guests belong to the fleet. With both a pool and a tag, those in the pool that have
        the tag.
    type: dict
    suboptions:
      pool:
        description:
          - The resource pool.
        type: str
      tag:
        description:
          - The tag.
        type: str
  allow_destructive:
    description:
      - Whether guests may be deleted with their disks, volumes replaced, and guests stopped hard.
    type: bool
    default: false
  force_stop:
    description:
      - Whether V(stopped) stops guests hard, like pulling the plug. It needs O(allow_destructive).
    type: bool
    default: false
  pending:
    description:
      - What to do about settings of a running guest that need a restart.
      - V(report) returns them and warns, V(reboot) reboots the guest.
    type: str
    choices: [report, reboot]
    default: report
  update_password:
    description:
      - Whether O(ci_password) is set in every run (V(always)), or only in guests without a password
        (V(on_create)). Proxmox VE does not reveal the current password.
    type: str
    choices: [always, on_create]
    default: on_create
  wait_for_address:
    description:
      - Whether to wait until each started guest has an address, which a VM reports through its
        guest agent.
      - A guest without an address after O(address_timeout) counts as failed.
    type: bool
    default: false
  addresses:
    description:
      - Whether to read the addresses of running guests, without waiting for them.
      - A VM that this call starts, or whose guest agent is seen to be off, is not asked.
    type: bool
    default: false
  address_timeout:
    description:
      - How many seconds to wait for the address of a guest.
    type: int
    default: 300
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
  - A problem of one guest (its VMID is taken, its node is offline, its disk is larger than
    requested) fails only that guest.
  - With O(wait=false) the call returns when the first task of each guest has been started. Run the
    same call again to go on from there.
  - The required privileges are those of the modules M(upid.proxmox.clone),
    M(upid.proxmox.container) and M(upid.proxmox.operation).
seealso:
  - module: upid.proxmox.clone
  - module: upid.proxmox.container
  - module: upid.proxmox.operation
"""

EXAMPLES = r"""
- name: Ensure three web servers and a database
  upid.proxmox.fleet:
    source: debian-12-cloud
    placement: round_robin
    ci_user: admin
    ipconfig: ip=dhcp
    tags: [prod]
    guests:
      - name: web1
      - name: web2
      - name: web3
      - name: db1
        memory: 8192
        disks:
          scsi0: 64
  register: fleet

- name: Ensure ten workers, each with its own address
  upid.proxmox.fleet:
    source: debian-12-cloud
    count: 10
    name_pattern: worker-%02d
    vmid_start: 400
    ipconfig: ip=192.0.2.%d/24,gw=192.0.2.1
    ipconfig_start: 11

- name: Ensure that the pool has these guests and no others
  upid.proxmox.fleet:
    source: debian-12-cloud
    pool: ci
    exact: true
    selector:
      pool: ci
    allow_destructive: true
    guests:
      - name: runner1
      - name: runner2
"""

RETURN = r"""
changed:
  description: Whether a guest was changed, or would be in check mode.
  type: bool
  returned: always
  sample: true
guests:
  description:
    - Every listed guest, in the order of the options, then those that were deleted as no longer
      listed. In check mode the plan.
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
    wanted:
      description: Whether the guest should exist.
      type: bool
      returned: always
      sample: true
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
    step:
      description: The last step that was begun, null if there was none.
      type: str
      returned: always
      sample: start
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
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmstart:201:ansible@pve!ci:"
    done:
      description:
        - What was done to the guest, C(cloned), C(created), C(configured), C(resized), C(rebooted),
          C(started), C(shut down), C(stopped) or C(deleted). In check mode what would be done, as
          far as it can be predicted.
      type: list
      elements: str
      returned: always
      sample: [cloned, configured, started]
    steps:
      description: The steps that were begun, in order, each with its outcome.
      type: list
      elements: dict
      returned: always
      sample:
        - name: clone
          outcome: ok
          message: null
          upid: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
    addresses:
      description: The addresses that the guest reported, IPv4 first.
      type: list
      elements: str
      returned: always
      sample: [192.0.2.11]
    pending:
      description: The options that take effect at the next start of the guest.
      type: list
      elements: str
      returned: always
      sample: []
    groups:
      description: The inventory groups of the guest, from the options.
      type: list
      elements: str
      returned: always
      sample: []
    ci_user:
      description: The user that cloud-init creates, from the options.
      type: str
      returned: always
      sample: admin
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
    after: "web1: qemu 201 on pve2, clone, configure, start\n"
"""

from ..module_utils._pve.commands import fleet
from ..module_utils._pve.edge.arguments import NEW_GUESTS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run

# What a guest may say for itself, and the top level for all of them.
SETTINGS_SPEC = {
    "type": {"type": "str", "choices": ["qemu", "lxc"]},
    "source": {"type": "str"},
    "ostemplate": {"type": "str"},
    "node": {"type": "str", "aliases": ["target_node"]},
    "full": {"type": "bool"},
    "storage": {"type": "str"},
    "format": {"type": "str", "choices": ["raw", "qcow2", "vmdk"]},
    "pool": {"type": "str"},
    "description": {"type": "str"},
    "snapname": {"type": "str"},
    "bwlimit": {"type": "int"},
    "cores": {"type": "int"},
    "memory": {"type": "int"},
    "swap": {"type": "int"},
    "tags": {"type": "list", "elements": "str"},
    "onboot": {"type": "bool"},
    "ci_user": {"type": "str"},
    "ci_password": {"type": "str", "no_log": True},
    "ssh_public_keys": {"type": "list", "elements": "str"},
    "password": {"type": "str", "no_log": True},
    "ipconfig": {"type": "str"},
    "nameserver": {"type": "str"},
    "searchdomain": {"type": "str"},
    "unprivileged": {"type": "bool"},
    "features": {"type": "dict"},
    "nics": {"type": "dict"},
    "disks": {"type": "dict"},
    "config": {"type": "dict"},
    "params": {"type": "dict"},
    "groups": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "started", "stopped", "absent"]},
}
GUEST_SPEC = {
    "name": {"type": "str", "aliases": ["hostname"]},
    "vmid": {"type": "int", "aliases": ["newid"]},
    **SETTINGS_SPEC,
}
ARGUMENT_SPEC = {
    "guests": {
        "type": "list",
        "elements": "dict",
        "options": GUEST_SPEC,
        "required_one_of": [("name", "vmid")],
    },
    "count": {"type": "int"},
    "name_pattern": {"type": "str", "default": "guest-%02d"},
    "first": {"type": "int", "default": 1},
    "vmid_start": {"type": "int"},
    "ipconfig_start": {"type": "int"},
    **SETTINGS_SPEC,
    "state": {
        "type": "str",
        "choices": ["present", "started", "stopped", "absent"],
        "default": "started",
    },
    "exact": {"type": "bool", "default": False},
    "selector": {"type": "dict", "options": {"pool": {"type": "str"}, "tag": {"type": "str"}}},
    "allow_destructive": {"type": "bool", "default": False},
    "force_stop": {"type": "bool", "default": False},
    "pending": {"type": "str", "choices": ["report", "reboot"], "default": "report"},
    "update_password": {
        "type": "str",
        "choices": ["always", "on_create"],
        "no_log": False,
        "default": "on_create",
    },
    "wait_for_address": {"type": "bool", "default": False},
    "addresses": {"type": "bool", "default": False},
    "address_timeout": {"type": "int", "default": 300},
    **NEW_GUESTS_SPEC,
}


def main() -> None:
    run(
        fleet.run,
        {**START_SPEC, **ARGUMENT_SPEC},
        keys=("guests", "tasks"),
        mutually_exclusive=[("guests", "count")],
        required_one_of=[("guests", "count")],
        required_if=[("exact", True, ("selector",))],
    )


if __name__ == "__main__":
    main()
