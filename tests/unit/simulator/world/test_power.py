# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping guests, their addresses, and HA."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from pvesim.addresses import address

VM = {"node": "pve2"}


async def test_a_vm_starts_and_stops(cell: Any) -> None:
    assert await cell.done("POST", "qemu/100/status/start") == "OK"
    current = await cell.call("GET", "qemu/100/status/current")
    assert (current["status"], current["qmpstatus"], current["ha"]) == (
        "running",
        "running",
        {"managed": 0},
    )
    assert await cell.done("POST", "qemu/100/status/stop") == "OK"
    assert (await cell.call("GET", "qemu/100/status/current"))["status"] == "stopped"


async def test_a_running_vm_reports_the_state_of_qemu(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    await cell.clock.sleep(5)
    current = await cell.call("GET", "qemu/100/status/current")
    assert (current["running-machine"], current["running-qemu"]) == (
        "pc-i440fx-10.0+pve1",
        "10.0.2",
    )
    assert current["balloon"] == current["ballooninfo"]["actual"] == current["maxmem"]
    assert sum(drive["rd_bytes"] for drive in current["blockstat"].values()) == current["diskread"]
    cell.world.guests[100].config |= {"balloon": 0, "machine": "q35"}
    current = await cell.call("GET", "qemu/100/status/current")
    assert current["running-machine"] == "pc-q35-10.0+pve1"
    assert "balloon" not in current


async def test_a_start_that_is_refused_fails_in_the_task(cell: Any) -> None:
    assert await cell.done("POST", "qemu/101/status/start", **VM) == "VM 101 already running"
    text = "you can't start a vm if it's a template"
    assert await cell.done("POST", "qemu/9000/status/start") == text
    text = "you can't start a CT if it's a template"
    assert await cell.done("POST", "lxc/9100/status/start") == text
    cell.world.guests[100].config["lock"] = "backup"
    assert await cell.done("POST", "qemu/100/status/start") == "VM is locked (backup)"


async def test_a_vm_without_its_bridge_does_not_start(cell: Any) -> None:
    await cell.call("PUT", "qemu/100/config", {"net0": "virtio,bridge=vmbr9"})
    lines = await cell.lines("POST", "qemu/100/status/start")
    assert lines == ["TASK ERROR: bridge 'vmbr9' does not exist"]


async def test_a_stopped_vm_is_stopped_without_complaint_a_container_is_not(cell: Any) -> None:
    assert await cell.done("POST", "qemu/100/status/stop") == "OK"
    assert await cell.done("POST", "qemu/100/status/shutdown") == "OK"
    for what, name in (("stop", "CT"), ("shutdown", "CT"), ("reboot", "VM")):
        refusal = await cell.refusal("POST", f"lxc/9100/status/{what}")
        assert refusal.message == f"{name} 9100 not running"
    for what in ("reboot", "reset", "suspend", "resume"):
        refusal = await cell.refusal("POST", f"qemu/100/status/{what}")
        assert refusal.message == "VM 100 not running"


async def test_a_running_container_is_not_started(cell: Any) -> None:
    await cell.done("POST", "lxc/9100/clone", {"newid": 200})
    assert await cell.done("POST", "lxc/200/status/start") == "OK"
    refusal = await cell.refusal("POST", "lxc/200/status/start")
    assert refusal.message == "CT 200 already running"
    assert await cell.done("POST", "lxc/200/status/reboot") == "OK"
    assert cell.world.guests[200].running
    assert await cell.done("POST", "lxc/200/status/shutdown") == "OK"
    assert not cell.world.guests[200].running


async def test_a_guest_that_is_too_slow_makes_a_shutdown_fail(cell: Any) -> None:
    cell.world.add_task_fault(type="qmshutdown", seconds=60)
    upid = await cell.call("POST", "qemu/101/status/shutdown", {"timeout": 6}, **VM)
    assert await cell.end(upid) == "VM quit/powerdown failed - got timeout"
    assert 6 <= cell.task(upid).ended - cell.task(upid).started < 6.1
    assert cell.world.guests[101].running
    params = {"timeout": 6, "forceStop": 1}
    lines = await cell.lines("POST", "qemu/101/status/shutdown", params, **VM)
    assert lines == ["VM quit/powerdown failed - terminating now with SIGTERM", "TASK OK"]
    assert not cell.world.guests[101].running


async def test_a_stop_waits_for_a_shutdown_unless_it_overrules_it(cell: Any) -> None:
    cell.world.add_task_fault(type="qmshutdown", seconds=100)
    shutdown = await cell.call("POST", "qemu/101/status/shutdown", **VM)
    await cell.settle(0.5)
    lock = "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout"
    assert await cell.done("POST", "qemu/101/status/stop", **VM) == lock
    stop = await cell.done("POST", "qemu/101/status/stop", {"overrule-shutdown": 1}, **VM)
    assert stop == "OK"
    assert cell.task(shutdown).exitstatus == "received interrupt"
    assert not cell.world.guests[101].running


async def test_a_reboot_ends_with_the_stop_and_root_starts_the_vm_again(cell: Any) -> None:
    assert await cell.done("POST", "qemu/101/status/reboot", **VM) == "OK"
    assert not cell.world.guests[101].running
    await cell.settle(5)
    assert cell.world.guests[101].running
    newest = (await cell.call("GET", "tasks", **VM))[0]
    assert (newest["type"], newest["user"]) == ("qmstart", "root@pam")
    assert "tokenid" not in newest


async def test_a_paused_vm_goes_on(cell: Any) -> None:
    assert await cell.done("POST", "qemu/101/status/suspend", **VM) == "OK"
    current = await cell.call("GET", "qemu/101/status/current", **VM)
    assert (current["status"], current["qmpstatus"]) == ("running", "paused")
    assert await cell.done("POST", "qemu/101/status/resume", **VM) == "OK"
    current = await cell.call("GET", "qemu/101/status/current", **VM)
    assert current["qmpstatus"] == "running"


async def test_a_vm_saved_to_disk_is_locked_until_it_is_resumed(cell: Any) -> None:
    assert await cell.done("POST", "qemu/101/status/suspend", {"todisk": 1}, **VM) == "OK"
    guest = cell.world.guests[101]
    assert (guest.running, guest.lock) == (False, "suspended")
    assert await cell.done("POST", "qemu/101/status/start", **VM) == "OK"
    assert (guest.running, guest.lock) == (True, None)


AGENT = "qemu/100/agent/network-get-interfaces"


async def test_the_agent_answers_when_the_vm_has_booted(cell: Any) -> None:
    assert (await cell.refusal("GET", AGENT)).message == "VM 100 is not running"
    await cell.done("POST", "qemu/100/status/start")
    assert (await cell.refusal("GET", AGENT)).message == "QEMU guest agent is not running"
    await cell.settle(10)
    interfaces = (await cell.call("GET", AGENT))["result"]
    assert [nic["name"] for nic in interfaces] == ["lo", "eth0"]
    address = interfaces[1]["ip-addresses"][0]
    assert address["ip-address"].startswith("198.51.100.")
    assert (address["ip-address-type"], address["prefix"]) == ("ipv4", 24)
    assert await cell.call("POST", "qemu/100/agent/ping") == {"result": {}}


async def test_a_world_file_sets_how_long_guests_take_to_boot(cell: Any) -> None:
    cell.world.durations["boot"] = (2.0, 2.0)
    await cell.done("POST", "qemu/100/status/start")
    assert (await cell.refusal("GET", AGENT)).message == "QEMU guest agent is not running"
    await cell.settle(2)
    assert (await cell.call("GET", AGENT))["result"]


async def test_a_vm_without_agent_returns_an_error(cell: Any) -> None:
    await cell.call("PUT", "qemu/100/config", {"delete": "agent"})
    assert (await cell.refusal("GET", AGENT)).message == "No QEMU guest agent configured"


async def test_guests_have_the_addresses_that_their_configs_name(cell: Any) -> None:
    await cell.call("PUT", "qemu/100/config", {"ipconfig0": "ip=192.0.2.7/24,gw=192.0.2.1"})
    await cell.done("POST", "qemu/100/status/start")
    await cell.settle(10)
    address = (await cell.call("GET", AGENT))["result"][1]["ip-addresses"][0]
    assert (address["ip-address"], address["prefix"]) == ("192.0.2.7", 24)


async def test_the_interfaces_of_a_container(cell: Any) -> None:
    await cell.done("POST", "lxc/9100/clone", {"newid": 200})
    assert await cell.call("GET", "lxc/200/interfaces") is None
    await cell.done("POST", "lxc/200/status/start")
    assert "inet" not in (await cell.call("GET", "lxc/200/interfaces"))[1]
    await cell.settle(2)
    nic = (await cell.call("GET", "lxc/200/interfaces"))[1]
    assert nic["name"] == "eth0"
    assert nic["inet"].endswith("/24")
    assert nic["ip-addresses"][0]["ip-address-type"] == "inet"


async def test_every_guest_has_an_address_of_its_own(cell: Any) -> None:
    seen = set()
    for vmid in (200, 201, 202):
        await cell.done("POST", "qemu/9000/clone", {"newid": vmid})
        await cell.done("POST", f"qemu/{vmid}/status/start")
    await cell.settle(10)
    for vmid in (200, 201, 202):
        answer = await cell.call("GET", f"qemu/{vmid}/agent/network-get-interfaces")
        seen.add(answer["result"][1]["ip-addresses"][0]["ip-address"])
    assert len(seen) == 3


@pytest.mark.parametrize(("what", "running"), [("start", True), ("stop", False)])
async def test_the_task_of_ha_ends_long_before_ha_acts(cell: Any, what: str, running: bool) -> None:
    guest = cell.world.guests[100]
    guest.status = "stopped" if running else "running"
    cell.world.ha["vm:100"] = {"state": "started"}
    upid = await cell.call("POST", f"qemu/100/status/{what}")
    assert f":ha{what}:100:" in upid
    assert await cell.end(upid) == "OK"
    assert guest.running != running
    await cell.settle(30)
    assert guest.running == running
    task = next(iter(await cell.call("GET", "tasks")))
    log = await cell.call("GET", f"tasks/{task['upid']}/log")
    assert log[0]["t"] == "task started by HA resource agent"


@pytest.mark.parametrize("action", ["start", "stop", "shutdown"])
async def test_calls_on_a_missing_vm_fail_in_the_task(cell: Any, action: str) -> None:
    text = "unable to find configuration file for VM 3999 on node 'pve1'"
    if action == "start":
        text = "Configuration file 'nodes/pve1/qemu-server/3999.conf' does not exist"
    assert await cell.done("POST", f"qemu/3999/status/{action}") == text
    assert (await cell.refusal("POST", "qemu/3999/status/reset")).status == 500


async def test_starting_a_missing_container_fails_in_the_task(
    cell: Any,
) -> None:
    text = "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"
    assert await cell.done("POST", "lxc/100/status/start") == text
    assert (await cell.refusal("POST", "lxc/100/status/stop")).message == "CT 100 not running"


async def test_every_running_guest_has_a_unique_address(cell: Any) -> None:
    networks = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    guest = cell.world.guests[100]
    seen = set()
    for vmid in range(1000, 1600):
        cell.world.guests[vmid] = replace(guest, vmid=vmid)
        found = ip_address(address(cell.world, cell.world.guests[vmid], 0))
        assert any(found in network for network in networks)
        seen.add(found)
    assert len(seen) == 600


async def test_a_restarted_vm_is_locked_by_the_cleanup_after_its_stop(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    await cell.done("POST", "qemu/100/status/stop")
    assert await cell.done("POST", "qemu/100/status/start") == "OK"
    await cell.settle(1)
    began = cell.clock.now()
    status = await cell.done("POST", "qemu/100/snapshot", {"snapname": "s1"})
    assert status == "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"
    assert 10 <= cell.clock.now() - began < 11
    await cell.settle(20)
    assert await cell.done("POST", "qemu/100/snapshot", {"snapname": "s1"}) == "OK"


async def test_a_vm_that_stays_off_is_locked_for_a_moment_only(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    await cell.done("POST", "qemu/100/status/stop")
    await cell.settle(1)
    lines = await cell.lines("POST", "qemu/100/snapshot", {"snapname": "s1"})
    assert "trying to acquire lock..." not in lines[0]
