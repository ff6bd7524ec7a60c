# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: address_problems
short_description: Check the fixed addresses of wanted guests
description:
  - Finds addresses that several guests have, addresses that are not valid, and addresses outside
    the network of their gateway, before any guest exists.
  - Reads C(ipconfigN), C(netN) and C(net), as property strings, lists or dictionaries.
  - Containers on different bridges or VLANs may have the same address.
  - No request is made.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  _input:
    description:
      - Guests as P(upid.proxmox.guest_params#filter) returns them, or the options of guests as
        P(upid.proxmox.plan_guests#filter) returns them.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: upid.proxmox.plan_guests
    plugin_type: filter
  - plugin: upid.proxmox.guest_params
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Fail before any container exists if two have the same address
  ansible.builtin.assert:
    that: problems == []
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ wanted | upid.proxmox.address_problems }}"
    wanted:
      - hostname: cache-1
        net: name=eth0,bridge=vmbr0,ip=192.0.2.31/24,gw=192.0.2.1
      - hostname: cache-2
        net: name=eth0,bridge=vmbr0,ip=192.0.2.32/24,gw=192.0.2.1
"""

RETURN = r"""
_value:
  description: A line for each problem, empty if there is none.
  type: list
  elements: str
  sample: ["cache-1, cache-2 have the same address 192.0.2.31"]
"""

import typing as t

from ..plugin_utils._problems import address_problems


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {"address_problems": address_problems}
