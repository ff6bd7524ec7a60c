# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What community.proxmox makes of failures: what the cluster said, and what it then tells."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.tests.clients.client import Client

pytestmark = pytest.mark.timeout(300)  # the first test of each release may have to install it
REASON = "clone failed: no space left"


def test_failures_are_reported_as_the_client_expects_them(client: Client) -> None:
    fault = {"action": "task", "type": "qmclone", "exitstatus": REASON, "count": 1}
    client.cluster.admin("POST", "faults", fault)
    warning = {"action": "task", "type": "qmstart", "exitstatus": "WARNINGS: 1", "count": 1}
    client.cluster.admin("POST", "faults", warning)

    results = client.play("failure.yml")

    assert client.cluster.tasks() == [
        ("qmclone", "9000", REASON),
        ("qmstart", "100", "WARNINGS: 1"),
    ]
    # The client is wrong here: it polls a failed task until its timeout, and calls the first line
    # of the log the last one.
    message = results["Clone with a failure"]["msg"]
    assert "Reached timeout" in message
    assert "creating a clone of VM 9000 with ID 300" in message
    assert REASON not in message

    assert "failed" not in results["Start with a warning"]
    assert "403" in results["Clone without a right"]["msg"]
    assert "401" in results["Log in with a wrong password"]["msg"]
    assert client.cluster.guests() == {100, 101, 9000, 9100}
