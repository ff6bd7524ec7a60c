# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

ASKED = "GET .*/agent/network-get-interfaces"
INTERFACES = Answer({"result": [{"ip-addresses": [{"ip-address": "192.0.2.7"}]}]})


@in_virtual_time
async def test_no_agent_is_asked_for_an_address_that_it_cannot_know_yet() -> None:
    api = an_api()
    api.disturb(ASKED, INTERFACES, count=None)
    api.cluster.add(201, name="off", memory="512", status="running")
    api.cluster.add(202, name="on", memory="512", agent="1,fstrim_cloned_disks=1", status="running")
    api.cluster.add(203, name="stopped", memory="512", agent="1")
    guests = [{"name": name} for name in ("off", "on", "stopped", "new")]
    report = await run_command(
        "fleet", api, source="tpl", guests=guests, memory=512, state="started", addresses=True
    )
    assert report.problem is None, report.problem
    found = [guest["addresses"] for guest in report.values["guests"]]
    assert found == [[], ["192.0.2.7"], [], []]
    assert len(api.made(ASKED)) == 1


@in_virtual_time
async def test_who_waits_for_addresses_asks_every_agent() -> None:
    api = an_api()
    api.disturb(ASKED, INTERFACES, count=None)
    api.cluster.add(201, name="off", memory="512", status="running")
    guests = [{"name": "off"}, {"name": "new"}]
    report = await run_command(
        "fleet", api, source="tpl", guests=guests, memory=512, wait_for_address=True
    )
    assert report.problem is None, report.problem
    assert [guest["addresses"] for guest in report.values["guests"]] == [["192.0.2.7"]] * 2


@in_virtual_time
async def test_an_agent_that_is_switched_on_by_the_same_call_is_asked() -> None:
    api = an_api()
    api.disturb(ASKED, INTERFACES, count=None)
    api.cluster.add(201, name="off", memory="512", status="running")
    await run_command("fleet", api, guests=[{"name": "off"}], config={"agent": "1"}, addresses=True)
    assert len(api.made(ASKED)) == 1
