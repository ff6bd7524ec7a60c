# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.masking import (
    as_shown,
    secrets_of,
)

SPEC: dict[str, dict[str, Any]] = {
    "api_host": {},
    "api_token_id": {"no_log": False},
    "api_token_secret": {"no_log": True},
    "api_user": {},
    "guests": {},
    "params": {},
    "update_password": {"no_log": False},
}


@pytest.mark.parametrize(
    ("params", "secrets"),
    [
        ({"params": {"cipassword": "Q-1"}}, {"Q-1"}),
        ({"params": {"cipassword": ["Q-1", 22]}}, {"Q-1", "22"}),
        ({"guests": [{"vmid": 1, "params": {"password": "Q-1"}}]}, {"Q-1"}),
        ({"guests": [{"vmid": 1, "params": "x Q-1"}]}, {"x Q-1"}),
        ({"guests": ["100 cipassword Q-1"]}, {"100 cipassword Q-1"}),
        ({"guests": ["100", "{password: Q-1", "Q-2}"]}, {"{password: Q-1", "Q-2}"}),
        ({"guests": ["password-server", "token"]}, set()),
        ({"api_token_secret": "Q-1"}, {"Q-1"}),
        ({"params": "Q-1"}, {"Q-1"}),
        ({"api_pasword": "Q-1", "tokens": {"a": ["Q-2"]}}, {"Q-1", "Q-2"}),
        ({"update_password": "always", "nosuch": "x"}, set()),
        ({"api_token_id": "root@pam!a=Q-1"}, {"root@pam!a=Q-1"}),
        ({"api_token_id": "root@pam!ci", "api_user": "root@pam"}, set()),
        ({"api_host": ["https://me:Q-1", "Q-2@pve1"]}, {"https://me:Q-1", "Q-2@pve1"}),
        ({"api_host": ["https://pve1:8006/", "pve2:1"]}, set()),
        ({"api_host": None, "guests": None}, set()),
    ],
)
def test_secrets_are_found_wherever_they_were_put(
    params: dict[str, Any], secrets: set[str]
) -> None:
    assert secrets_of(params, SPEC) == secrets


def test_a_secret_is_known_as_a_message_shows_it() -> None:
    shown = as_shown(["Q-1\n", "Q\u200b2", " "])
    assert shown == {"Q-1\n", "Q-1", "Q\u200b2", r"Q\u200b2"}
