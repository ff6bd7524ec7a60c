# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME accounts and plugins."""

from __future__ import annotations

from typing import Any

ACCOUNT = "/cluster/acme/account"
PLUGIN = "/cluster/acme/plugins"


async def test_an_account_is_registered_changed_and_deactivated(cell: Any) -> None:
    given = {"contact": "me@a.example", "tos_url": "https://a.example/tos"}
    lines = await cell.lines("POST", ACCOUNT, given)
    assert lines[:2] == ["Generating ACME account key..", "Registering ACME account.."]
    assert await cell.call("GET", ACCOUNT) == [{"name": "default"}]
    account = await cell.call("GET", f"{ACCOUNT}/default")
    assert account["account"] == {"status": "valid", "contact": ["mailto:me@a.example"]}
    assert f"'{account['location']}'" in lines[2]
    refusal = await cell.refusal("POST", ACCOUNT, given)
    assert refusal.errors == {"name": "ACME account config file 'default' already exists."}
    assert await cell.done("PUT", f"{ACCOUNT}/default", {"contact": "b@a.example"}) == "OK"
    account = await cell.call("GET", f"{ACCOUNT}/default")
    assert account["account"]["contact"] == ["mailto:b@a.example"]
    assert await cell.done("DELETE", f"{ACCOUNT}/default") == "OK"
    assert await cell.call("GET", ACCOUNT) == []
    for method in ("GET", "PUT", "DELETE"):
        refusal = await cell.refusal(method, f"{ACCOUNT}/default")
        assert refusal.errors == {"name": "ACME account config file 'default' does not exist."}


async def test_a_plugin_is_added_changed_and_removed(cell: Any) -> None:
    await cell.call("POST", PLUGIN, {"id": "dns1", "type": "dns", "api": "cf", "data": "QQ=="})
    (plugin,) = await cell.call("GET", PLUGIN)
    assert (plugin["plugin"], plugin["type"], plugin["api"]) == ("dns1", "dns", "cf")
    refusal = await cell.refusal("POST", PLUGIN, {"id": "dns1", "type": "dns"})
    assert refusal.message == "ACME plugin ID 'dns1' already exists"
    given = {"validation-delay": 5, "delete": "data"}
    await cell.call("PUT", f"{PLUGIN}/dns1", given)
    plugin = await cell.call("GET", f"{PLUGIN}/dns1")
    assert (plugin["validation-delay"], "data" in plugin) == (5, False)
    await cell.call("DELETE", f"{PLUGIN}/dns1")
    refusal = await cell.refusal("GET", f"{PLUGIN}/dns1")
    assert refusal.message == "ACME plugin 'dns1' not defined"
