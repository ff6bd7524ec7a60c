# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests are meant that are not named: the options of ``GUEST_FILTERS_SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  pool:
    description:
      - Only guests of this resource pool. A pool that does not exist is an error.
    type: str
  tags:
    description:
      - Only guests that have all of these tags. Case is ignored, because Proxmox VE stores tags in
        lower case.
    type: list
    elements: str
  nodes:
    description:
      - Only guests on these nodes. V(all) means every node. A node that is not there is an error.
    type: list
    elements: str
    aliases: [node]
  type:
    description:
      - Only VMs (V(qemu)) or only containers (V(lxc)).
    type: str
    choices: [qemu, lxc]
  status:
    description:
      - Only guests in this state.
    type: str
    choices: [running, stopped, unknown]
  name:
    description:
      - Only guests whose names match one of these patterns, such as V(web*) or V(db[0-9]). Upper
        and lower case differ.
    type: list
    elements: str
"""
