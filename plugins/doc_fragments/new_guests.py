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
      - Which node a new guest gets that does not name one.
      - V(explicit) keeps the node of the source. What has no source has to name a node then, unless
        the cluster has a single one.
      - V(round_robin) goes through the nodes in turn. V(least_memory) takes the node with the
        smallest share of its memory in use, counting what this call puts there.
      - A node that is unknown or offline is a failure of the guests that it is for, and the others
        are created. With V(round_robin) an offline node of O(nodes) keeps its turn.
    type: str
    choices: [explicit, round_robin, least_memory]
    default: explicit
  nodes:
    description:
      - The nodes that O(placement) may use, by default all that are online.
    type: list
    elements: str
  on_conflict:
    description:
      - What to do when another run has created a guest of the same name at the same time, which
        Proxmox VE does not prevent. Names are read again before each start and at the end of the
        call. Of the two guests the one with the higher VMID counts as the later one.
      - V(fail) leaves both and reports the conflict with both VMIDs.
      - V(remove) removes the later one if this call has created it, and if it is whole and was
        never started. If the later one is not of this call, there is a warning.
      - Where two runs may overlap, give VMIDs, or C(vmid_start) in the roles. Proxmox VE itself
        refuses a second guest of the same VMID.
    type: str
    choices: [fail, remove]
    default: fail
  vmid_range:
    description:
      - The VMIDs that may be taken for guests that do not give one, such as V(200-299). By default
        the lowest free ones that Proxmox VE would give out.
    type: str
"""
