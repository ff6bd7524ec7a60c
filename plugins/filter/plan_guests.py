# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_guests
short_description: Plan guests from a list, or from a number and a pattern
description:
  - Decides the names, VMIDs and settings of the guests that are wanted, and what a module is told
    about each in order to make it.
  - No request is made.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  _input:
    description:
      - The wanted guests one by one, each with a C(name) or a C(hostname), with or without a
        C(vmid), and with settings that count more than O(settings).
      - What is null is not said.
      - A name that comes twice is planned twice; M(upid.proxmox.clone) and
        M(upid.proxmox.container) refuse it.
    type: list
    elements: dict
    required: true
  count:
    description:
      - How many further guests are wanted, which differ in a number only.
    type: int
    default: 0
  name_pattern:
    description:
      - The names of these, with a place for the number in the style of printf.
      - Without such a place it is the name of a single guest.
    type: str
    default: guest-%02d
  first:
    description:
      - The number of the first one.
    type: int
    default: 1
  vmid_start:
    description:
      - The VMID of the first one; each further one has the next higher VMID.
      - Without it they are free ones.
    type: int
  settings:
    description:
      - The settings of a guest that does not say otherwise, by names of your choice.
    type: dict
    default: {}
  numbered:
    description:
      - The names of those O(settings) that have a place for a number in the style of printf, in a
        text or in a list of texts, and the number of the first guest in each.
      - Null is O(first).
    type: dict
    default: {}
  options:
    description:
      - What a module is told about a guest, by the names of the module's options.
      - A value is the name of a setting, a text with names of settings in braces, or a list of
        names of settings that are dictionaries, each put over the one before.
      - C(name) and C(vmid) are settings, too. What is not said, or is empty, is left out.
    type: dict
    default: {}
seealso:
  - plugin: upid.proxmox.guest_params
    plugin_type: filter
  - plugin: upid.proxmox.account_guests
    plugin_type: filter
  - module: upid.proxmox.clone
  - module: upid.proxmox.container
"""

EXAMPLES = r"""
- name: Show the names of three guests
  ansible.builtin.debug:
    msg: "{{ planned | map(attribute='name') }}"
  vars:
    planned: "{{ [] | upid.proxmox.plan_guests(count=3, name_pattern='web-%02d') }}"

- name: Clone what is planned
  upid.proxmox.clone:
    source: debian-12-cloud
    full: true  # a linked clone is on the storage of its template
    guests: "{{ planned | map(attribute='options') }}"
  vars:
    wanted:
      - name: db-main
        vmid: 210
        memory: 16384
      - name: db-replica
    planned: >-
      {{ wanted | upid.proxmox.plan_guests(
           settings={'memory': 2048, 'storage': 'ceph'},
           options={'name': 'name', 'vmid': 'vmid', 'storage': 'storage'}) }}
"""

RETURN = r"""
_value:
  description: The planned guests, first those of the list.
  type: list
  elements: dict
  contains:
    name:
      description: The name of the guest.
      type: str
      sample: db-main
    vmid:
      description: The VMID of the guest, null where a free one is to be found.
      type: int
      sample: 210
    settings:
      description: All settings of the guest, other than its name and VMID.
      type: dict
      sample:
        memory: 16384
        storage: ceph
    options:
      description: What O(options) have the module told.
      type: dict
      sample:
        name: db-main
        vmid: 210
        storage: ceph
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._pve.api.errors import UsageError
from ..plugin_utils._options import Table, fill
from ..plugin_utils._plan import Series, Settings, number, number_or_none, plan


def plan_guests(
    guests: t.Sequence[t.Mapping[str, t.Any]],
    *,
    settings: Settings | None = None,
    numbered: t.Mapping[str, t.Any] | None = None,
    options: Table | None = None,
    **series: t.Any,
) -> list[dict[str, t.Any]]:
    """The planned guests as plain values; AnsibleFilterError for what cannot be planned."""
    try:
        starts = {name: number_or_none(value, name) for name, value in (numbered or {}).items()}
        planned = plan(guests, _series(**series), settings or {}, starts)
        return [{**one.as_values(), "options": fill(options or {}, one)} for one in planned]
    except UsageError as exc:
        raise AnsibleFilterError(f"plan_guests: {exc}") from exc


def _series(
    count: object = 0,
    name_pattern: str = Series.pattern,
    first: object = Series.first,
    vmid_start: object = None,
) -> Series:
    return Series(
        number(count, "count"),
        name_pattern,
        number(first, "first"),
        number_or_none(vmid_start, "vmid_start"),
    )


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {"plan_guests": plan_guests}
