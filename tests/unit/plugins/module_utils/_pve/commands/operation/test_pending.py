# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that wait for a restart: they are reported, and a guest is rebooted only when asked."""

from __future__ import annotations

from ansible_collections.upid.proxmox.tests.unit.operating import (
    an_api,
    operate,
    outcomes,
    with_pending,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_option_that_is_as_requested_after_a_restart_is_not_unchanged() -> None:
    api = an_api()
    with_pending(api)
    report = await operate(api, "configure", 101, params={"memory": 4096})
    [guest] = report.values["guests"]
    assert (guest["outcome"], guest["changed"], guest["pending"]) == ("ok", False, ["memory"])
    assert "pending until a restart: memory" in guest["message"]
    assert not [call for call in api.calls if call.method != "GET"]


@in_virtual_time
async def test_what_waits_for_a_restart_is_named_after_a_change() -> None:
    api = an_api()
    with_pending(api)
    report = await operate(api, "configure", 101, params={"cores": 8})
    [guest] = report.values["guests"]
    assert (guest["outcome"], guest["changed"], guest["pending"]) == ("ok", True, ["memory"])


@in_virtual_time
async def test_a_guest_is_rebooted_for_pending_changes_only_if_requested() -> None:
    api = an_api()
    with_pending(api)
    await operate(api, "configure", 101, params={"memory": 4096})
    assert not api.made("POST .*/reboot")
    report = await operate(api, "configure", 101, params={"memory": 4096}, apply="now")
    [reboot] = api.made("POST .*/reboot")
    assert reboot.params == {}
    assert "qmreboot" in [task["type"] for task in report.values["tasks"]]
    assert outcomes(report) == [(101, "ok", True)]


@in_virtual_time
async def test_a_restart_that_fails_is_the_failure_of_its_guest() -> None:
    api = an_api()
    with_pending(api)
    api.ends["qmreboot"] = ["VM quit/powerdown failed"]
    wish = {"memory": 4096}
    report = await operate(api, "configure", 101, params=wish, apply="now", retries=0)
    [guest] = report.values["guests"]
    assert (guest["outcome"], guest["pending"]) == ("failed", ["memory"])
    assert "VM quit/powerdown failed" in (report.problem or "")


@in_virtual_time
async def test_check_mode_reports_a_requested_restart() -> None:
    api = an_api()
    with_pending(api)
    report = await operate(api, "configure", 101, params={"memory": 4096}, apply="now", check=True)
    assert outcomes(report) == [(101, "queued", True)]
    assert not [call for call in api.calls if call.method != "GET"]
