# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests: configuration, conversion and deletion."""

from __future__ import annotations

from ..checks import is_gone_with_disks
from ..rules.guests import if_locked, unless_configured, unless_kept, unless_template
from ..states import guests as states
from .entry import OPTIONS, TRUE, Operation, both, guest_call

CATEGORY = "guests"

OPERATIONS = (
    Operation(
        "configure",
        "configure",
        CATEGORY,
        {
            # PUT does the same for a VM without a task; the task has a log and does not block
            # the API daemon. A container has only PUT.
            "qemu": guest_call("qemu", "POST", "config", "qmconfig", "upid_or_null"),
            "lxc": guest_call("lxc", "PUT", "config", "", "null"),
        },
        "VM.Config.* on /vms/{vmid}",
        # A deleted disk becomes an unused one; to delete that, or with force, frees its volume.
        destructive_when={"force": TRUE, "delete": r"\bunused\d+\b"},
        rule=unless_configured,
        done=states.is_configured,
        compares=True,
        may_pend=True,
        idempotent=True,
        effect=OPTIONS,
    ),
    Operation(
        "template",
        "convert to a template",
        CATEGORY,
        {
            "qemu": guest_call("qemu", "POST", "template", "qmtemplate"),
            "lxc": guest_call("lxc", "POST", "template", "vztemplate", "null_but_forks"),
        },
        "VM.Allocate on /vms/{vmid}",
        destructive=True,
        rule=unless_template,
        done=states.is_template,
        idempotent=True,
        effect={"template": "1"},
    ),
    Operation(
        "unlock",
        "unlock",
        CATEGORY,
        {
            "qemu": guest_call(
                "qemu", "PUT", "config", "", "null", fixed={"delete": "lock", "skiplock": 1}
            )
        },
        # "only root can set 'lock' config", and a token of root is not root.
        "root@pam with a password",
        destructive=True,
        only="the API has no call for it; on its node: pct unlock VMID",
        reads=("tasks",),
        rule=if_locked,
        done=states.is_unlocked,
        compares=True,
        idempotent=True,
        effect={"lock": ""},
    ),
    Operation(
        "delete",
        "delete",
        CATEGORY,
        both("DELETE", "", "qmdestroy", "vzdestroy"),
        "VM.Allocate on /vms/{vmid}; Datastore.Audit on /storage/{storage} to check that its disks"
        " are gone",
        destructive=True,
        reads=("configuration", "holders", "ties"),
        rule=unless_kept(),
        done=states.is_gone,
        check=is_gone_with_disks,
        removes=True,
        effect={"guest": ""},
    ),
)
