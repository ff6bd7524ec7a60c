# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that do not exist before: created, cloned, restored."""

from __future__ import annotations

from ..checks import runs_if_asked
from ..clone import cloning
from ..rules.guests import over_one_that_is_stopped, to_another, unless_there
from .entry import TRUE, Call, Operation

CATEGORY = "creation"
ALLOCATE = "VM.Allocate on /vms/{vmid}"
SPACE = "Datastore.AllocateSpace on /storage/{storage}"
BRIDGE = "SDN.Use on /sdn/zones/localnetwork/{bridge}"

OPERATIONS = (
    Operation(
        "create_vm",
        "create",
        CATEGORY,
        {
            "qemu": Call(
                "POST",
                "/nodes/{node}/qemu",
                "qmcreate",
                excludes=("archive", "force"),
                vmid="vmid",
            )
        },
        f"{ALLOCATE}; VM.Config.* on /vms/{{vmid}}; {SPACE}; {BRIDGE}",
        creates=True,
        rule=unless_there,
        varies=True,
        check=runs_if_asked,
        only="there is create_container for them",
        effect={"guest": "there"},
    ),
    Operation(
        "create_container",
        "create",
        CATEGORY,
        {
            "lxc": Call(
                "POST",
                "/nodes/{node}/lxc",
                "vzcreate",
                fixed={"restore": 0},
                requires=("ostemplate",),
                # It would take the place of a container that is there; restore does that.
                excludes=("force",),
                vmid="vmid",
            )
        },
        f"{ALLOCATE}; VM.Config.* on /vms/{{vmid}}; {SPACE}; {BRIDGE};"
        " Datastore.Audit on /storage/{templates}",
        creates=True,
        rule=unless_there,
        varies=True,
        check=runs_if_asked,
        only="there is create_vm for them",
        effect={"guest": "there"},
    ),
    Operation(
        "restore",
        "restore",
        CATEGORY,
        {
            "qemu": Call(
                "POST", "/nodes/{node}/qemu", "qmrestore", requires=("archive",), vmid="vmid"
            ),
            "lxc": Call(
                "POST",
                "/nodes/{node}/lxc",
                "vzrestore",
                fixed={"restore": 1},
                requires=("ostemplate",),
                renames={"archive": "ostemplate"},
                vmid="vmid",
            ),
        },
        # Over a guest that is there VM.Backup on it is enough.
        f"{ALLOCATE}; {SPACE}; Datastore.AllocateSpace on /storage/{{backups}};"
        " VM.Backup on /vms/{saved}",
        creates=True,
        expensive=True,
        destructive_when={"force": TRUE},
        rule=over_one_that_is_stopped,
        varies=True,
        check=runs_if_asked,
        effect={"guest": "there"},
    ),
    Operation(
        "clone",
        "clone",
        CATEGORY,
        {
            kind: Call(
                "POST", f"/nodes/{{node}}/{kind}/{{vmid}}/clone", task_type, requires=("newid",)
            )
            for kind, task_type in (("qemu", "qmclone"), ("lxc", "vzclone"))
        },
        f"VM.Clone on /vms/{{vmid}}; VM.Allocate on /vms/{{newid}}; {SPACE}; {BRIDGE}",
        expensive=True,
        rule=to_another,
        varies=True,
        make=cloning,
        effect={"guest {newid}": "there"},
    ),
)
