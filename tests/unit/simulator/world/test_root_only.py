# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some options are for root@pam alone: no privilege and no token is enough."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("option", ["args", "hookscript", "lock"])
async def test_a_token_of_root_is_not_root(recorded: Any, option: str) -> None:
    refusal = await recorded.refusal("PUT", "qemu/101/config", {option: "backup"})
    assert (refusal.status, refusal.message) == (500, f"only root can set '{option}' config")


async def test_root_with_a_ticket_may(recorded: Any) -> None:
    await recorded.call("PUT", "qemu/101/config", {"args": "-cpu host"}, tokenid=None)
    assert recorded.world.guests[101].config["args"] == "-cpu host"


async def test_a_container_takes_nesting_from_everybody(recorded: Any) -> None:
    await recorded.call("PUT", "lxc/200/config", {"features": "nesting=1"})
    refusal = await recorded.refusal("PUT", "lxc/200/config", {"features": "keyctl=1"})
    assert refusal.status == 403
    assert "(except nesting)" in refusal.message


@pytest.mark.parametrize(
    ("path", "feature", "can"),
    [
        ("qemu/100", "clone", 1),
        ("qemu/101", "clone", 0),
        ("qemu/101", "snapshot", 1),
        ("lxc/200", "snapshot", 0),
        ("lxc/200", "copy", 1),
    ],
)
async def test_what_the_disks_can_do(recorded: Any, path: str, feature: str, can: int) -> None:
    answer = await recorded.call("GET", f"{path}/feature", {"feature": feature})
    assert answer["hasFeature"] == can


async def test_an_index_names_what_is_below(recorded: Any) -> None:
    below = await recorded.call("GET", "qemu/101")
    assert {"subdir": "config"} in below
    assert {"subdir": "status"} in below
