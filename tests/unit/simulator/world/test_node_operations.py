# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a node itself: services, packages, certificates, networks."""

from __future__ import annotations

from typing import Any


async def test_a_service_is_stopped_and_started(cell: Any) -> None:
    for action, state in (("stop", "dead"), ("restart", "running"), ("stop", "dead"),
                          ("start", "running")):  # fmt: skip
        upid = await cell.call("POST", f"services/cron/{action}")
        assert f":srv{action}:cron:" in upid
        assert await cell.end(upid) == "OK"
        assert cell.task(upid).lines == ["TASK OK"]
        assert (await cell.call("GET", "services/cron/state"))["state"] == state


async def test_services_that_the_api_needs_cannot_be_stopped(cell: Any) -> None:
    ended = await cell.done("POST", "services/pvedaemon/stop")
    assert ended.startswith("invalid service cmd 'pvedaemon stop'")
    states = {entry["service"]: entry["state"] for entry in await cell.call("GET", "services")}
    assert set(states.values()) == {"running"}


async def test_a_stopped_service_cannot_be_reloaded(cell: Any) -> None:
    assert await cell.done("POST", "services/chrony/reload") == "OK"
    assert await cell.done("POST", "services/chrony/stop") == "OK"
    ended = await cell.done("POST", "services/chrony/reload")
    assert ended == "command 'systemctl reload chrony' failed: exit code 1"


async def test_updates_are_listed_after_the_package_lists_were_read(cell: Any) -> None:
    package = {"Package": "pve-manager", "OldVersion": "9.2.10", "Version": "9.2.11"}
    cell.world.nodes["pve1"].updates = (package,)
    assert await cell.call("GET", "apt/update") == []
    upid = await cell.call("POST", "apt/update")
    assert ":aptupdate::" in upid
    assert await cell.end(upid) == "OK"
    lines = cell.task(upid).lines
    assert (lines[0], lines[-2]) == ("starting apt-get update", "Reading package lists...")
    assert await cell.call("GET", "apt/update") == [package]


PATH = "certificates/acme/certificate"


async def test_a_certificate_is_ordered_renewed_and_revoked(cell: Any) -> None:
    refusal = await cell.refusal("POST", PATH)
    assert (refusal.status, refusal.message) == (
        400,
        "ACME domain list in node configuration is missing!",
    )
    node = cell.world.nodes["pve1"]
    node.acme = "account=default,domains=pve1.example;www.example"
    assert (await cell.refusal("PUT", PATH)).status == 500
    assert (await cell.refusal("DELETE", PATH)).status == 500
    upid = await cell.call("POST", PATH)
    assert ":acmenewcert::" in upid
    assert await cell.end(upid) == "OK"
    assert "Getting authorization details for 'www.example'" in cell.task(upid).lines
    (*_own, ordered) = await cell.call("GET", "certificates/info")
    assert ordered["san"] == ["pve1.example", "www.example"]
    assert "force" in (await cell.refusal("POST", PATH)).errors
    assert "force" in (await cell.refusal("PUT", PATH)).errors
    await cell.settle(60)
    upid = await cell.call("PUT", PATH, {"force": 1})
    assert ":acmerenew::" in upid
    assert await cell.end(upid) == "OK"
    (*_own, renewed) = await cell.call("GET", "certificates/info")
    assert renewed["notafter"] > ordered["notafter"]
    assert await cell.done("DELETE", PATH) == "OK"
    assert await cell.call("GET", "certificates/info") == []


async def test_the_domains_of_a_certificate_are_options_of_their_own_too(cell: Any) -> None:
    options = {
        "acme": "account=default",
        "acmedomain0": "domain=pve1.example,plugin=dns",
        "acmedomain1": "www.example",
    }
    await cell.call("PUT", "config", options)
    assert await cell.done("POST", PATH) == "OK"
    (*_own, ordered) = await cell.call("GET", "certificates/info")
    assert ordered["san"] == ["pve1.example", "www.example"]


async def test_networks_are_reloaded_node_by_node(cell: Any) -> None:
    upid = await cell.call("PUT", "/cluster/sdn")
    assert ":reloadnetworkall::" in upid
    assert await cell.end(upid) == "OK"
    nested = [t for t in cell.world.tasks.every() if t.upid.type == "srvreload"]
    assert [(t.upid.node, t.upid.id) for t in nested] == [
        (node, "networking") for node in ("pve1", "pve2", "pve3")
    ]


async def test_a_node_that_is_away_makes_a_warning(cell: Any) -> None:
    cell.world.node_down("pve3")
    upid = await cell.call("PUT", "/cluster/sdn")
    assert await cell.end(upid) == "WARNINGS: 1"
    assert cell.task(upid).lines[-1] == "TASK WARNINGS: 1"
