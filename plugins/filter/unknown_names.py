# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_names
short_description: Find unknown names and suggest the nearest known ones
description:
  - Finds misspelled variables of a role or playbook before they are silently ignored.
  - No request is made.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
positional: known
options:
  _input:
    description: The names to check, for example from P(ansible.builtin.varnames#lookup).
    type: list
    elements: str
    required: true
  known:
    description: The known names.
    type: list
    elements: str
    required: true
seealso:
  - plugin: ansible.builtin.varnames
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Fail if a variable is misspelled
  ansible.builtin.assert:
    that: unknown == []
    fail_msg: "Unknown: {{ unknown | join(', ') }}"
  vars:
    unknown: >-
      {{ query('ansible.builtin.varnames', '^web_') | upid.proxmox.unknown_names(['web_port']) }}
"""

RETURN = r"""
_value:
  description: The unknown names in alphabetical order, each with the nearest known one if any.
  type: list
  elements: str
  sample: ["web_prot (did you mean web_port?)"]
"""

import typing as t

from ..plugin_utils._names import unknown_names


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {"unknown_names": unknown_names}
