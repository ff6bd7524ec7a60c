# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the whole cluster shares: users of realms, ACME accounts, its software-defined network."""

from __future__ import annotations

from ..states import created
from .entry import TRUE, Call, Operation

CATEGORY = "cluster"
ROOT = "root@pam with a password"
REALM = "Realm.AllocateUser on /access/realm/{realm}; User.Modify on /access/groups"
_ACCOUNT = "/cluster/acme/account/{name}"
_SYNC = "/access/domains/{realm}/sync"

OPERATIONS = (
    Operation(
        "sync_realm",
        "synchronize a realm",
        CATEGORY,
        {
            "cluster": Call(
                "POST", _SYNC, "auth-realm-sync", task_id="{realm}", fixed={"dry-run": 0}
            )
        },
        REALM,
        destructive_when={"remove-vanished": r"entry|acl|properties", "purge": TRUE},
    ),
    Operation(
        "preview_realm_sync",
        "preview the synchronization of a realm",
        CATEGORY,
        {
            "cluster": Call(
                "POST", _SYNC, "auth-realm-sync-test", task_id="{realm}", fixed={"dry-run": 1}
            )
        },
        REALM,
    ),
    Operation(
        "apply_sdn",
        "apply the software-defined network",
        CATEGORY,
        {"cluster": Call("PUT", "/cluster/sdn", "reloadnetworkall", task_id="")},
        "SDN.Allocate on /sdn",
    ),
    Operation(
        "acme_account_register",
        "register an ACME account",
        CATEGORY,
        {
            "cluster": Call(
                "POST", "/cluster/acme/account", "acmeregister", task_id="", requires=("contact",)
            )
        },
        ROOT,
        varies=True,
        done=created.is_made(created.acme_account, usual="default"),
    ),
    Operation(
        "acme_account_update",
        "update an ACME account",
        CATEGORY,
        {"cluster": Call("PUT", _ACCOUNT, "acmeupdate", task_id="", requires=("contact",))},
        ROOT,
        varies=True,
    ),
    Operation(
        "acme_account_refresh",
        "refresh an ACME account",
        CATEGORY,
        {"cluster": Call("PUT", _ACCOUNT, "acmerefresh", task_id="", excludes=("contact",))},
        ROOT,
        varies=True,
    ),
    Operation(
        "acme_account_deactivate",
        "deactivate an ACME account",
        CATEGORY,
        {"cluster": Call("DELETE", _ACCOUNT, "acmedeactivate", task_id="")},
        ROOT,
        destructive=True,
        varies=True,
        done=created.is_removed(created.acme_account),
    ),
)
