# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.addresses import (
    read_addresses,
    wait_for_addresses,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

VM = Guest(100, "qemu", "pve1", "app1", "running")
CT = Guest(200, "lxc", "pve2", "ct1", "running")
AGENT = "GET /nodes/pve1/qemu/100/agent/network-get-interfaces"
NO_AGENT = ApiError("GET agent", 500, "QEMU guest agent is not running\n")


def interface(*addresses: str) -> dict[str, Any]:
    return {"name": "eth0", "ip-addresses": [{"ip-address": address} for address in addresses]}


@in_virtual_time
async def test_the_addresses_of_a_vm_come_from_its_agent() -> None:
    api = FakeApi()
    rows = [interface("127.0.0.1", "::1"), interface("2001:db8::2", "192.0.2.2", "fe80::1%eth0")]
    api.disturb(AGENT, Answer({"result": rows}))
    assert await read_addresses(api, VM) == (["192.0.2.2", "2001:db8::2"], "")


@pytest.mark.parametrize(
    "row",
    [interface("192.0.2.3", "2001:db8::3"), {"inet": "192.0.2.3/24", "inet6": "2001:db8::3/64"}],
    ids=["list", "older release"],
)
def test_the_addresses_of_a_container_are_those_of_its_interfaces(row: dict[str, Any]) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        rows = [interface("127.0.0.1"), row, row]
        api.disturb("GET /nodes/pve2/lxc/200/interfaces", Answer(rows))
        assert await read_addresses(api, CT) == (["192.0.2.3", "2001:db8::3"], "")

    scenario()


@pytest.mark.parametrize("data", [None, [], [interface()], [{"name": "lo", "inet": "127.0.0.1/8"}]])
def test_a_guest_without_addresses_has_none_yet(data: object) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("interfaces", Answer(data))
        assert await read_addresses(api, CT) == ([], "no address yet")

    scenario()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NO_AGENT, "QEMU guest agent is not running"),
        (NoAnswerError("GET agent", "596 Connection timed out", sent=True), "596"),
    ],
)
def test_an_agent_that_does_not_answer_is_a_reason_not_an_error(error: Exception, why: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb(AGENT, error)
        addresses, reason = await read_addresses(api, VM)
        assert addresses == []
        assert why in reason

    scenario()


@in_virtual_time
async def test_a_right_that_is_missing_will_not_come_by_waiting() -> None:
    api = FakeApi()
    api.disturb(
        AGENT, ApiError("GET", 403, "Permission check failed (/vms/100, VM.GuestAgent.Audit)")
    )
    with pytest.raises(ApiError, match=r"VM\.GuestAgent\.Audit on /vms/100"):
        await wait_for_addresses(api, VM, 60, lambda: False)


@in_virtual_time
async def test_an_address_is_waited_for() -> None:
    api = FakeApi()
    api.disturb(AGENT, NO_AGENT, count=5)
    api.disturb(AGENT, Answer({"result": [interface("192.0.2.2")]}))
    assert await wait_for_addresses(api, VM, 60, lambda: False) == (["192.0.2.2"], "")
    assert 9 < now() < 12


@in_virtual_time
async def test_waiting_ends_with_the_last_reason() -> None:
    api = FakeApi()
    api.disturb(AGENT, NO_AGENT, count=None)
    addresses, why = await wait_for_addresses(api, VM, 60, lambda: False)
    assert (addresses, why) == ([], "QEMU guest agent is not running")
    assert 60 <= now() < 61


@in_virtual_time
async def test_waiting_ends_on_an_interrupt() -> None:
    api = FakeApi()
    api.disturb(AGENT, NO_AGENT, count=None)
    await wait_for_addresses(api, VM, 60, lambda: now() > 5)
    assert now() < 8


@in_virtual_time
async def test_what_is_no_address_is_left_out() -> None:
    api = FakeApi()
    rows = [interface("not-an-ip", "192.0.2.2", "192.0.2.300"), interface("", "2001:db8::2/64")]
    api.disturb(AGENT, Answer({"result": rows}))
    assert await read_addresses(api, VM) == (["192.0.2.2", "2001:db8::2"], "")


@pytest.mark.parametrize(
    "data",
    [
        {"result": "none"},
        {"result": {"error": {"class": "GenericError"}}},
        {"result": ["eth0", None, {"ip-addresses": "192.0.2.2"}]},
        {"result": [{"ip-addresses": ["192.0.2.2", None, {"ip-address": ["192.0.2.2"]}]}]},
        [],
        "text",
    ],
)
def test_an_agent_that_answers_nonsense_has_no_address(data: object) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb(AGENT, Answer(data))
        assert await read_addresses(api, VM) == ([], "no address yet")

    scenario()
