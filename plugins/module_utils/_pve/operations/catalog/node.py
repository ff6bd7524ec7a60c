# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: services, packages, network and certificates."""

from __future__ import annotations

import typing as t

from ..states import places as states
from .entry import Call, Operation

if t.TYPE_CHECKING:
    from ..states import DoneCheck

CATEGORY = "node"
MODIFY = "Sys.Modify on /nodes/{node}"
_CERTIFICATE = "/nodes/{node}/certificates/acme/certificate"


def _service(
    verb: str,
    title: str,
    task_type: str,
    *,
    destructive: bool = False,
    done: DoneCheck | None = None,
) -> Operation:
    path = f"/nodes/{{node}}/services/{{service}}/{verb}"
    calls = {"node": Call("POST", path, task_type, task_id="{service}")}
    return Operation(
        f"service_{verb}",
        f"{title} a service",
        CATEGORY,
        calls,
        MODIFY,
        destructive=destructive,
        done=done,
        idempotent=True,
    )


OPERATIONS = (
    _service("start", "start", "srvstart", done=states.service_runs(wanted=True)),
    _service("stop", "stop", "srvstop", destructive=True, done=states.service_runs(wanted=False)),
    _service("restart", "restart", "srvrestart"),
    _service("reload", "reload", "srvreload"),
    Operation(
        "apply_network",
        "apply the network configuration",
        CATEGORY,
        {"node": Call("PUT", "/nodes/{node}/network", "srvreload", task_id="networking")},
        MODIFY,
    ),
    Operation(
        "update_packages",
        "update the list of packages",
        CATEGORY,
        {"node": Call("POST", "/nodes/{node}/apt/update", "aptupdate", task_id="")},
        MODIFY,
    ),
    Operation(
        "order_certificate",
        "order a certificate",
        CATEGORY,
        {"node": Call("POST", _CERTIFICATE, "acmenewcert", task_id="")},
        MODIFY,
    ),
    Operation(
        "renew_certificate",
        "renew the certificate",
        CATEGORY,
        {"node": Call("PUT", _CERTIFICATE, "acmerenew", task_id="")},
        MODIFY,
    ),
    Operation(
        "revoke_certificate",
        "revoke the certificate",
        CATEGORY,
        {"node": Call("DELETE", _CERTIFICATE, "acmerevoke", task_id="")},
        MODIFY,
        destructive=True,
    ),
)
