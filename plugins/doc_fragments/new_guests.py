# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where new guests go and what they may be called: the options of ``NEW_GUESTS_SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  placement:
    description:
      - How to choose the node of a new guest that does not specify one.
      - V(explicit) uses the node of the source. A guest without a source must then specify a node,
        unless the cluster has only one.
      - V(round_robin) goes through the nodes in turn. V(least_memory) takes the node with the
        smallest share of its memory in use, counting the guests that this call creates there.
      - If a node is unknown or offline, the guests for it fail, and the others are created. With
        V(round_robin) an offline node in O(nodes) keeps its turn.
    type: str
    choices: [explicit, round_robin, least_memory]
    default: explicit
  nodes:
    description:
      - The nodes that O(placement) may use, by default all online nodes.
    type: list
    elements: str
  on_conflict:
    description:
      - What to do if another run created a guest with the same name at the same time, which Proxmox
        VE does not prevent. Names are read again before each start and at the end of the call. The
        guest with the higher VMID counts as the later one.
      - V(fail) leaves both and reports the conflict with both VMIDs.
      - V(remove) removes the later one if this call created it, if it is complete and was never
        started. If another run created the later one, there is a warning.
      - Where two runs may overlap, set VMIDs, or C(vmid_start) in the roles. Proxmox VE itself
        refuses a second guest with the same VMID.
    type: str
    choices: [fail, remove]
    default: fail
  vmid_range:
    description:
      - The range of VMIDs for guests that do not specify one, such as V(200-299). By default the
        lowest free VMIDs that Proxmox VE would choose.
    type: str
"""
