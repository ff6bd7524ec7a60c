# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The privileges of Proxmox VE 9 and the roles that every cluster has.

The roles are built from the groups of privileges as `PVE/AccessControl.pm` does it: `root` for
the administrator alone, `admin`, `user` and `audit` for ever more people.
"""

from __future__ import annotations

from collections.abc import Mapping

Groups = Mapping[str, Mapping[str, tuple[str, ...]]]

PRIVILEGES: Groups = {
    "VM": {
        "admin": (
            "VM.Allocate",
            "VM.Clone",
            "VM.Config.CPU",
            "VM.Config.Disk",
            "VM.Config.HWType",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.GuestAgent.FileRead",
            "VM.GuestAgent.FileSystemMgmt",
            "VM.GuestAgent.FileWrite",
            "VM.GuestAgent.Unrestricted",
            "VM.Migrate",
            "VM.Replicate",
            "VM.Snapshot",
            "VM.Snapshot.Rollback",
        ),
        "user": (
            "VM.Backup",
            "VM.Config.CDROM",
            "VM.Config.Cloudinit",
            "VM.Console",
            "VM.PowerMgmt",
        ),
        "audit": ("VM.Audit", "VM.GuestAgent.Audit"),
    },
    "Sys": {
        "root": ("Sys.AccessNetwork", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt"),
        "admin": ("Sys.Console", "Sys.Syslog"),
        "audit": ("Sys.Audit",),
    },
    "Datastore": {
        "admin": ("Datastore.Allocate", "Datastore.AllocateTemplate"),
        "user": ("Datastore.AllocateSpace",),
        "audit": ("Datastore.Audit",),
    },
    "SDN": {"admin": ("SDN.Allocate",), "user": ("SDN.Use",), "audit": ("SDN.Audit",)},
    "User": {
        "root": ("Realm.Allocate",),
        "admin": ("Group.Allocate", "Realm.AllocateUser", "User.Modify"),
    },
    "Pool": {"admin": ("Pool.Allocate",), "audit": ("Pool.Audit",)},
    "Mapping": {
        "admin": ("Mapping.Modify",),
        "user": ("Mapping.Use",),
        "audit": ("Mapping.Audit",),
    },
}


def built_in_roles() -> dict[str, frozenset[str]]:
    """The roles by name, each with its privileges."""
    every = {"Permissions.Modify"}
    roles: dict[str, set[str]] = {"NoAccess": set(), "Administrator": every}
    for category, levels in PRIVILEGES.items():
        audit = set(levels.get("audit", ()))
        user = set(levels.get("user", ()))
        admin = set(levels.get("admin", ()))
        every |= audit | user | admin | set(levels.get("root", ()))
        roles[f"PVE{category}Admin"] = admin | user | audit
        roles.setdefault("PVEAdmin", set()).update(admin | user | audit)
        roles.setdefault("PVEAuditor", set()).update(audit)
        if user or category == "Pool":
            roles[f"PVE{category}User"] = user | audit
    roles["PVEMappingAuditor"] = {"Mapping.Audit"}
    roles["PVETemplateUser"] = {"VM.Audit", "VM.Clone"}
    return {name: frozenset(privileges) for name, privileges in roles.items()}


ROLES: Mapping[str, frozenset[str]] = built_in_roles()
