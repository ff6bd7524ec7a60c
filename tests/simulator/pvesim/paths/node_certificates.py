# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of a node ordered from an ACME directory (`PVE/API2/ACME.pm`).

Only the list of certificates shows them: the simulator goes on with its own for TLS.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.certificates import HOSTS, described
from pvesim.entities import Node
from pvesim.worker import Worker
from pvesim.world import World

AUTHORITY = "/CN=Proxmox Virtual Environment/OU=Simulator/O=PVE Cluster Manager CA"
LIFETIME = 90 * 86400
MAX_DOMAINS = 6
RENEWAL = 30 * 86400
"""Seconds before the end from which on a certificate is renewed without force."""


def _domains(node: Node) -> list[str]:
    """The domains of the node, in `acme` and `acmedomain0` to 5; raises CallError without any."""
    match = re.search(r"domains=([^,]+)", node.acme)
    domains = re.split(r"[; ]+", match[1]) if match else []
    for number in range(MAX_DOMAINS):
        # The domain is the default key of the property string (`PVE/NodeConfig.pm`).
        text = str(node.config.get(f"acmedomain{number}", ""))
        domains += re.findall(r"(?:^|,)(?:domain=)?([^,=]+)(?=,|$)", text)
    if not domains:
        raise CallError(400, "ACME domain list in node configuration is missing!")
    return domains


@call("GET", "/nodes/{node}/certificates/info")
async def info(world: World, call: Call) -> list[dict[str, Any]]:
    """The certificates of the authority and of the node, and the ordered one."""
    node = world.nodes[call.node]
    names = {
        "pve-root-ca.pem": {"subject": AUTHORITY, "san": []},
        "pve-ssl.pem": {
            "subject": f"/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={node.name}",
            "san": [*HOSTS, node.name, node.address],
        },
    }
    entries: list[dict[str, Any]] = [
        {"filename": filename, "issuer": AUTHORITY, **named, **described(pem)}
        for (filename, named), pem in zip(names.items(), node.certificates, strict=False)
    ]
    if node.certificate_end is not None:
        text = f"{node.name}{node.certificate_end}"
        digest = hashlib.sha256(text.encode()).hexdigest().upper()
        entries.append(
            {
                "filename": "pveproxy-ssl.pem",
                "fingerprint": ":".join(re.findall("..", digest)),
                "issuer": "/CN=Simulated ACME CA",
                "subject": f"/CN={_domains(node)[0]}",
                "san": _domains(node),
                "notbefore": int(node.certificate_end - LIFETIME),
                "notafter": int(node.certificate_end),
            }
        )
    return entries


@call("POST", "/nodes/{node}/certificates/acme/certificate")
async def order(world: World, call: Call) -> str:
    """Order a certificate; one that is there is replaced with `force` only."""
    node = world.nodes[call.node]
    _domains(node)
    if node.certificate_end is not None and not call.params.get("force"):
        raise parameter_error(force="Custom certificate exists but 'force' is not set.")
    return _order(world, call, "acmenewcert")


@call("PUT", "/nodes/{node}/certificates/acme/certificate")
async def renew(world: World, call: Call) -> str:
    """Renew the certificate when it ends soon, or with `force`."""
    node = world.nodes[call.node]
    _domains(node)
    if node.certificate_end is None:
        text = "No current (custom) certificate found, please order a new certificate!"
        raise CallError(500, text)
    soon = node.certificate_end - world.clock.now() < RENEWAL
    if not soon and not call.params.get("force"):
        text = "Certificate does not expire within the next 30 days, and 'force' is not set."
        raise parameter_error(force=text)
    return _order(world, call, "acmerenew")


def _order(world: World, call: Call, task_type: str) -> str:
    node = world.nodes[call.node]

    async def work(worker: Worker) -> None:
        worker.log("Loading ACME account details")
        worker.log("Placing ACME order")
        await worker.work(0.3)
        for domain in _domains(node):
            worker.log(f"Getting authorization details for '{domain}'")
            worker.log("Status is 'valid'!")
        worker.log("All domains validated!")
        worker.log("Creating CSR")
        worker.log("Checking order status")
        await worker.work(0.7)
        worker.log("Order is ready, finalizing order")
        worker.log("valid!")
        worker.log("Downloading certificate")
        worker.log("Setting pveproxy certificate and key")
        node.certificate_end = world.clock.now() + LIFETIME
        worker.log("Restarting pveproxy")

    return world.tasks.start(call.node, call.caller.authid, task_type, "", work)


@call("DELETE", "/nodes/{node}/certificates/acme/certificate")
async def revoke(world: World, call: Call) -> str:
    """Revoke and remove the certificate."""
    node = world.nodes[call.node]
    if node.certificate_end is None:
        raise CallError(500, "No current (custom) certificate found, cannot revoke!")

    async def work(worker: Worker) -> None:
        worker.log("Loading ACME account details")
        worker.log("Revoking old certificate")
        await worker.work()
        worker.log("Deleting certificate files")
        node.certificate_end = None
        worker.log("Restarting pveproxy to revert to self-signed certificates")

    return world.tasks.start(call.node, call.caller.authid, "acmerevoke", "", work)
