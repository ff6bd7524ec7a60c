# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: parse_upid
short_description: Parse a UPID
description:
  - Returns the parts of the UPID of a Proxmox VE task as a dictionary.
  - No request is made.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  _input:
    description:
      - The UPID. Anything else is an error.
    type: str
    required: true
seealso:
  - module: upid.proxmox.task_info
"""

EXAMPLES = r"""
- name: Show which node runs a task
  ansible.builtin.debug:
    msg: "{{ (upid | upid.proxmox.parse_upid).node }}"
  vars:
    upid: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"

- name: Show the VMIDs of all started tasks
  ansible.builtin.debug:
    msg: "{{ upids | map('upid.proxmox.parse_upid') | map(attribute='vmid') | list }}"
  vars:
    upids: "{{ started.tasks | map(attribute='upid') }}"
"""

RETURN = r"""
_value:
  description: The parts of the UPID.
  type: dict
  contains:
    upid:
      description: The UPID itself.
      type: str
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      sample: pve1
    pid:
      description: The process id of the task.
      type: int
      sample: 603311
    pstart:
      description: When the process started, in clock ticks since the node booted.
      type: int
      sample: 218191225
    starttime:
      description: When the task started, ISO 8601 in UTC.
      type: str
      sample: "2025-09-08T20:19:13Z"
    type:
      description: The type of the task.
      type: str
      sample: qmclone
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      sample: "9000"
    vmid:
      description: The C(id) as a number where it is a VMID, otherwise null.
      type: int
      sample: 9000
    user:
      description: The user or API token that started the task.
      type: str
      sample: ansible@pve!ci
    userid:
      description: The user without the name of the API token.
      type: str
      sample: ansible@pve
    tokenid:
      description: The name of the API token, null without one.
      type: str
      sample: ci
    title:
      description: The name of the task in the web interface.
      type: str
      sample: VM 9000 - Clone
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._pve.tasks.task import iso
from ..module_utils._pve.tasks.types import task_title
from ..module_utils._pve.tasks.upid import Upid, UpidError


def parse_upid(text: object) -> dict[str, t.Any]:
    """The parts of a UPID as plain values; AnsibleFilterError for anything else."""
    try:
        upid = Upid.parse(text)
    except UpidError as exc:
        raise AnsibleFilterError(f"parse_upid: {exc}") from exc
    return {
        "upid": str(upid),
        "node": upid.node,
        "pid": upid.pid,
        "pstart": upid.pstart,
        "starttime": iso(upid.starttime),
        "type": upid.type,
        "id": upid.id,
        "vmid": upid.vmid,
        "user": upid.user,
        "userid": upid.userid,
        "tokenid": upid.tokenid,
        "title": task_title(upid.type, upid.id),
    }


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {"parse_upid": parse_upid}
