# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: guest_params
short_description: Say what an operation is to do to each guest
description:
  - Turns the settings of guests into what M(upid.proxmox.operation) takes as
    O(upid.proxmox.operation#module:guests).
  - A guest goes by its VMID, and by its name where it has no VMID yet, as in check mode.
  - A guest whose settings say nothing about any of the parameters is left out.
  - No request is made.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
positional: params
options:
  _input:
    description:
      - Guests as P(upid.proxmox.plan_guests#filter) returns them, or as
        RV(upid.proxmox.account_guests#filter:_value.going).
    type: list
    elements: dict
    required: true
  params:
    description:
      - The parameters of the operation, and where their values come from.
      - A value is the name of a setting, a text with names of settings in braces, or a list of
        names of settings that are dictionaries, each put over the one before.
      - What is not said, or is empty, is left out.
    type: dict
    required: true
  further:
    description:
      - The names of settings that are dictionaries of further parameters, each put over O(params)
        and over the one before.
    type: list
    elements: str
    default: []
seealso:
  - plugin: upid.proxmox.plan_guests
    plugin_type: filter
  - module: upid.proxmox.operation
"""

EXAMPLES = r"""
- name: Give each guest the memory that it is to have
  upid.proxmox.operation:
    operation: configure
    guests: "{{ planned | upid.proxmox.guest_params({'memory': 'memory'}) }}"
  vars:
    planned: "{{ wanted | upid.proxmox.plan_guests }}"
    wanted:
      - name: db-main
        memory: 16384
      - name: db-replica
        memory: 2048

- name: Let the disks grow
  upid.proxmox.operation:
    operation: resize
    guests: "{{ planned | upid.proxmox.guest_params({'disk': 'disk', 'size': '{disk_gib}G'}) }}"
  vars:
    planned: "{{ wanted | upid.proxmox.plan_guests(settings={'disk': 'scsi0', 'disk_gib': 20}) }}"
    wanted:
      - name: db-main
        disk_gib: 100
      - name: db-replica
"""

RETURN = r"""
_value:
  description: The guests with their parameters.
  type: list
  elements: dict
  contains:
    vmid:
      description: The VMID, not there where the guest has none yet.
      type: int
      sample: 201
    name:
      description: The name, only there where the guest has no VMID yet.
      type: str
      sample: db-main
    params:
      description: The parameters for the guest.
      type: dict
      sample:
        memory: 16384
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._pve.api.errors import UsageError
from ..plugin_utils._options import Table, operand
from ..plugin_utils._plan import Planned


def guest_params(
    guests: t.Iterable[t.Mapping[str, t.Any]], params: Table, further: t.Sequence[str] = ()
) -> list[dict[str, t.Any]]:
    """What the module operation takes as guests; AnsibleFilterError for what is no guest."""
    try:
        operands = [operand(Planned.from_values(one), params, further) for one in guests]
    except UsageError as exc:
        raise AnsibleFilterError(f"guest_params: {exc}") from exc
    return [one for one in operands if one["params"]]


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {"guest_params": guest_params}
