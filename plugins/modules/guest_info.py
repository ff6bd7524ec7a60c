#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_info
short_description: Get information about guests, by list or by filter
description:
  - Returns the state, node, configuration and addresses of VMs and containers.
  - Can wait until the guests have an address.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  guests:
    description:
      - The guests, by VMID or by name. By default all that the user or token may see.
      - A guest that does not exist or whose node does not answer is an error, but the others are
        still returned. Without this option there is only a warning, and the C(message) of the guest
        says why.
      - With other options that select guests, those of these guests that they select.
    type: list
    elements: str
  config:
    description:
      - Which configuration of each guest to read. V(none) reads none, which saves a request for
        each guest. V(current) is the one in effect now, V(pending) the one after the next start of
        the guest.
    type: str
    choices: [none, current, pending]
    default: none
  pending:
    description:
      - Whether to read settings that take effect only at the next start of the guest. V(only)
        returns only guests with pending settings.
    type: str
    choices: ["no", show, only]
    default: "no"
  addresses:
    description:
      - Whether to read the addresses of running guests. A VM needs the guest agent for that.
    type: bool
    default: false
  wait_for_address:
    description:
      - Whether to wait until each running guest has an address that is neither a loopback nor a
        link-local address.
      - Implies O(addresses).
    type: bool
    default: false
  address_timeout:
    description:
      - How many seconds O(wait_for_address) waits. If a guest has no address after that, the call
        fails.
    type: int
    default: 300
extends_documentation_fragment:
  - upid.proxmox.guest_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.info
  - upid.proxmox.attributes.action_group
notes:
  - With O(status), a guest on a node that does not answer counts by its last known state; if that
    leaves it out, a warning says so.
  - The privilege C(VM.Audit) on C(/vms/{vmid}) is needed to see a guest. The addresses of a VM also
    need C(VM.GuestAgent.Audit), before Proxmox VE 9 C(VM.Monitor).
seealso:
  - module: upid.proxmox.operation
  - module: upid.proxmox.clone
"""

EXAMPLES = r"""
- name: Read a VM and its configuration
  upid.proxmox.guest_info:
    guests: web1
    config: current

- name: Find the running VMs with a tag
  upid.proxmox.guest_info:
    type: qemu
    status: running
    tags: web
  register: found

- name: Wait until new guests have an address
  upid.proxmox.guest_info:
    guests: "{{ clones.guests | map(attribute='vmid') }}"
    wait_for_address: true
    address_timeout: 600

- name: Find the guests that need a restart, with their pending settings
  upid.proxmox.guest_info:
    pending: only
"""

RETURN = r"""
guests:
  description: The guests, by VMID.
  type: list
  elements: dict
  returned: always
  contains:
    vmid:
      description: The VMID.
      type: int
      returned: always
      sample: 201
    name:
      description: The name, for a container its host name. Null if its node does not answer.
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
    status:
      description: The state of the guest.
      type: str
      returned: always
      sample: running
    template:
      description: Whether the guest is a template.
      type: bool
      returned: always
      sample: false
    lock:
      description: The lock of the guest, null if there is none.
      type: str
      returned: always
      sample: null
    pool:
      description: The resource pool of the guest, null if there is none.
      type: str
      returned: always
      sample: web
    tags:
      description: The tags of the guest.
      type: list
      elements: str
      returned: always
      sample: [ansible, web]
    message:
      description: Why some data of the guest could not be read, null otherwise.
      type: str
      returned: always
      sample: null
    pending:
      description:
        - The settings that take effect at the next start, by option. Null for an option that will
          be removed.
      type: dict
      returned: when O(pending) is V(show) or V(only)
      sample:
        memory: "4096"
    config:
      description:
        - The configuration as Proxmox VE returns it, null if the guest was removed meanwhile.
      type: dict
      returned: when O(config) is V(current) or V(pending)
      sample:
        cores: 2
        memory: "2048"
        name: web1
    addresses:
      description: The addresses, IPv4 first, without loopback and link-local ones.
      type: list
      elements: str
      returned: when O(addresses=true) or O(wait_for_address=true)
      sample: [192.0.2.21, "2001:db8::21"]
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "12 guests: 10 running, 2 stopped in 0.3 s"
succeeded:
  description: Whether the call succeeded, whatever C(failed_when) makes of it.
  type: bool
  returned: always
  sample: true
summary:
  description: The number of guests, C(total), and the C(elapsed) seconds.
  type: dict
  returned: always
  sample:
    total: 1
    elapsed: 43.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve1.example.com:8006
    requests: 27
"""

from ..module_utils._pve.commands import guest_info
from ..module_utils._pve.edge.arguments import GUEST_FILTERS_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "guests": {"type": "list", "elements": "str"},
    "config": {"type": "str", "choices": ["none", "current", "pending"], "default": "none"},
    "pending": {"type": "str", "choices": ["no", "show", "only"], "default": "no"},
    "addresses": {"type": "bool", "default": False},
    "wait_for_address": {"type": "bool", "default": False},
    "address_timeout": {"type": "int", "default": 300},
}


def main() -> None:
    run(guest_info.run, {**GUEST_FILTERS_SPEC, **ARGUMENT_SPEC}, keys=("guests",))


if __name__ == "__main__":
    main()
