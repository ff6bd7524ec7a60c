# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of calls: every call is one of the official schema, and registered once."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.calls import CALLS, Caller, call
from pvesim.schema import Schema


def test_every_call_is_one_of_the_official_schema() -> None:
    official = {(method.method, method.template) for method in Schema.load().every()}
    assert set(CALLS) <= official
    assert len(CALLS) > 60


def test_a_call_is_registered_once() -> None:
    async def handler(_world: Any, _call: Any) -> None:
        """Never called."""

    with pytest.raises(ValueError, match="GET /version is registered twice"):
        call("GET", "/version")(handler)


@pytest.mark.parametrize(("tokenid", "authid"), [(None, "ansible@pve"), ("ci", "ansible@pve!ci")])
def test_tasks_carry_the_token_too(tokenid: str | None, authid: str) -> None:
    assert Caller("ansible@pve", tokenid, lambda _path, _privilege: True).authid == authid
