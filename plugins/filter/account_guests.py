# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: account_guests
short_description: Account for planned guests after the steps so far
description:
  - Tells from the results of modules which guests go on and what was done to them, and which
    failed in which step, with the reason and the UPID.
  - A step that was not taken yet has an empty result, so that the same account can be asked for
    before and after each step.
  - No request is made.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
positional: steps
options:
  _input:
    description:
      - Guests as P(upid.proxmox.plan_guests#filter) returns them.
    type: list
    elements: dict
    required: true
  steps:
    description:
      - The steps in their order. A guest that failed in one is in no later one.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What a guest can fail to do, such as V(clone).
        type: str
        required: true
      done:
        description: What was done to a guest that the step changed, such as V(cloned).
        type: str
        required: true
      result:
        description:
          - The registered result of M(upid.proxmox.clone), M(upid.proxmox.container),
            M(upid.proxmox.operation) or M(upid.proxmox.guest_info).
          - A result with a message and without guests is a failure of all that went on so far.
        type: dict
        required: true
  warnings:
    description:
      - Whether a guest whose task ended with warnings goes on (V(accept)) or failed (V(fail)).
    type: str
    choices: [accept, fail]
    default: accept
  address_timeout:
    description:
      - For how many seconds addresses were waited for. A guest that has none in a result with
        addresses failed.
      - Without it a guest may have no address.
    type: int
  check_mode:
    description:
      - Whether the results are those of check mode, in which nothing has ended.
    type: bool
    default: false
  called:
    description:
      - What the guests are called in RV(_value.table) and RV(_value.problems).
    type: str
    default: guests
  show:
    description:
      - The names of the settings that RV(_value.ready) has.
    type: list
    elements: str
    default: []
seealso:
  - plugin: upid.proxmox.plan_guests
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Clone and start guests, and leave out of the second step what failed in the first
  vars:
    planned: "{{ [] | upid.proxmox.plan_guests(count=3, options={'name': 'name'}) }}"
    account: "{{ planned | upid.proxmox.account_guests(steps) }}"
    steps:
      - name: clone
        done: cloned
        result: "{{ cloned }}"
      - name: start
        done: started
        result: "{{ started | default({}) }}"
  block:
    - name: Clone them
      upid.proxmox.clone:
        source: debian-12-cloud
        guests: "{{ planned | map(attribute='options') }}"
      register: cloned
      ignore_errors: true

    - name: Start those that are there
      upid.proxmox.operation:
        operation: start
        guests: "{{ account.going | map(attribute='reference') }}"
      register: started
      ignore_errors: true

    - name: Show what became of them
      ansible.builtin.debug:
        msg: "{{ account.table }}"
"""

RETURN = r"""
_value:
  description: The account.
  type: dict
  contains:
    going:
      description: The guests that did not fail, as they were planned, with their VMIDs.
      type: list
      elements: dict
      contains:
        name:
          description: The name of the guest.
          type: str
          sample: web-01
        vmid:
          description: The VMID, null while it is not chosen.
          type: int
          sample: 201
        reference:
          description: What modules know the guest by, its VMID, or its name while it has none.
          type: raw
          sample: 201
        settings:
          description: The settings of the guest.
          type: dict
          sample:
            memory: 2048
        done:
          description: What the steps so far did to the guest.
          type: list
          elements: str
          sample: [cloned]
    ready:
      description: The same guests with what is known of them, and the settings of O(show).
      type: list
      elements: dict
      contains:
        name:
          description: The name of the guest.
          type: str
          sample: web-01
        vmid:
          description: The VMID, null while it is not chosen.
          type: int
          sample: 201
        node:
          description: The node of the guest, null while it is not known.
          type: str
          sample: pve1
        address:
          description: The first address of the guest, null while it is not known.
          type: str
          sample: 192.0.2.11
        done:
          description: What the steps so far did to the guest.
          type: list
          elements: str
          sample: [cloned, started]
    failed:
      description: The guests that failed, in the order of the steps.
      type: list
      elements: dict
      contains:
        name:
          description: The name of the guest.
          type: str
          sample: web-02
        vmid:
          description: The VMID, null while it is not chosen.
          type: int
          sample: 202
        node:
          description: The node of the guest, null while it is not known.
          type: str
          sample: pve2
        step:
          description: The name of the step that failed.
          type: str
          sample: clone
        reason:
          description: Why it failed.
          type: str
          sample: "clone failed: no space left"
        upid:
          description: The UPID of the task that failed, null where there was none.
          type: str
          sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
    table:
      description: A table of all guests, line by line.
      type: list
      elements: str
      sample:
        - 1 of 2 guests are ready
        - name    VMID       node      address          this run
        - web-01  201        pve1      192.0.2.11       cloned, started
        - web-02  202        pve2      -                FAILED to clone
    problems:
      description: What failed, a line for all and a line for each guest; empty when all is well.
      type: list
      elements: str
      sample:
        - 1 of 2 guests failed
        - >-
          web-02 (VMID 202) failed to clone: clone failed: no space left
          [UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:]
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._pve.api.errors import UsageError
from ..plugin_utils._account import Failed, Progress, Rules, Step, account
from ..plugin_utils._plan import Planned, number_or_none
from ..plugin_utils._table import problems, table

Guests = t.Iterable[t.Mapping[str, t.Any]]


def account_guests(
    guests: Guests,
    steps: t.Iterable[t.Mapping[str, t.Any]],
    *,
    called: str = "guests",
    show: t.Sequence[str] = (),
    **rules: t.Any,
) -> dict[str, t.Any]:
    """The account as plain values; AnsibleFilterError for what is no guest."""
    try:
        checked = _rules(**rules)
        planned = [Planned.from_values(one) for one in guests]
        taken = [Step.from_values(one) for one in steps]
    except UsageError as exc:
        raise AnsibleFilterError(f"account_guests: {exc}") from exc
    found = account(planned, taken, checked)
    return {
        "going": [_going(one) for one in found.going],
        "ready": [_ready(one, show) for one in found.going],
        "failed": [_failed(one) for one in found.failed],
        "table": table(found, called, check_mode=checked.check_mode),
        "problems": problems(found, called),
    }


def _rules(
    *, check_mode: bool = False, warnings: str = "accept", address_timeout: object = None
) -> Rules:
    return Rules(
        check_mode=check_mode,
        warnings=warnings,
        address_timeout=number_or_none(address_timeout, "address_timeout"),
    )


def _going(one: Progress) -> dict[str, t.Any]:
    return {
        **one.planned.as_values(),
        "vmid": one.vmid,
        "reference": one.name if one.vmid is None else one.vmid,
        "done": list(one.done),
    }


def _ready(one: Progress, show: t.Sequence[str]) -> dict[str, t.Any]:
    return {
        "vmid": one.vmid,
        "name": one.name,
        "node": one.node,
        "address": one.address,
        **{name: one.planned.settings.get(name) for name in show},
        "done": list(one.done),
    }


def _failed(one: Failed) -> dict[str, t.Any]:
    return {
        "vmid": one.guest.vmid,
        "name": one.guest.name,
        "node": one.guest.node,
        "step": one.step,
        "reason": one.reason,
        "upid": one.upid,
    }


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {"account_guests": account_guests}
