# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages: what is on them, and how it comes there."""

from __future__ import annotations

from ..states import places as states
from .entry import Call, Operation

CATEGORY = "storage"
_STORAGE = "/nodes/{node}/storage/{storage}"
TEMPLATES = "Datastore.AllocateTemplate on /storage/{storage}"
ALLOCATE = "Datastore.Allocate on /storage/{storage}"
NETWORK = "Sys.AccessNetwork on /nodes/{node}"

OPERATIONS = (
    Operation(
        "download_url",
        "download a file",
        CATEGORY,
        {
            "storage": Call(
                "POST", f"{_STORAGE}/download-url", "download", task_id="{filename:stored}"
            )
        },
        f"{TEMPLATES}; {NETWORK}",
        expensive=True,
        done=states.has_file("filename"),
        idempotent=True,
    ),
    Operation(
        "download_template",
        "download a container template",
        CATEGORY,
        {"node": Call("POST", "/nodes/{node}/aplinfo", "download", task_id="{template:quoted}")},
        TEMPLATES,
        expensive=True,
        done=states.has_file("template"),
        idempotent=True,
    ),
    Operation(
        "pull_oci_image",
        "pull an OCI image",
        CATEGORY,
        {
            "storage": Call(
                "POST",
                f"{_STORAGE}/oci-registry-pull",
                "ociregistrypull",
                # Without a name for the file it makes one of the reference.
                task_id=None,
            )
        },
        f"{TEMPLATES}; {NETWORK}",
        expensive=True,
        done=states.has_file("filename", ".tar"),
        idempotent=True,
    ),
    Operation(
        "delete_volume",
        "delete a volume",
        CATEGORY,
        # Its id begins with the VMID of the owner, which is for the storage to know.
        {
            "storage": Call(
                "DELETE", f"{_STORAGE}/content/{{volume}}", "imgdel", "upid_or_null", task_id=None
            )
        },
        ALLOCATE,
        destructive=True,
        done=states.has_no_volume,
    ),
    Operation(
        "copy_volume",
        "copy a volume",
        CATEGORY,
        {
            "storage": Call(
                "POST",
                f"{_STORAGE}/content/{{volume}}",
                "imgcopy",
                task_id="",
                requires=("target",),
            )
        },
        "root@pam with a password",
        expensive=True,
        varies=True,
    ),
    Operation(
        "prune_backups",
        "prune the backups",
        CATEGORY,
        {
            "storage": Call(
                "DELETE",
                f"{_STORAGE}/prunebackups",
                "prunebackups",
                task_id="{vmid}@{storage}|{storage}",
            )
        },
        "Datastore.Allocate on /storage/{storage}, or Datastore.AllocateSpace there and"
        " VM.Backup on /vms/{vmid}",
        destructive=True,
    ),
)
