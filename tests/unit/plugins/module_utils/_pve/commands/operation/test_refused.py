# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be meant, or would destroy something unasked, is refused before anything starts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "resize needs disk and size"),
        ({"disk": "scsi0"}, "resize needs disk and size"),
        ({"disk": "scsi7", "size": "32G"}, "has no disk 'scsi7'"),
        ({"disk": "scsi0", "size": "8G"}, "cannot be shrunk"),
        ({"disk": "scsi0", "size": "big"}, "size 'big' is not a number"),
    ],
)
@in_virtual_time
async def test_a_resize_that_cannot_be_is_refused(params: dict[str, str], message: str) -> None:
    api = an_api()
    report = await operate(api, "resize", 100, params=params, validate="server")
    assert outcomes(report) == [(100, "failed", False)]
    assert re.search(message, report.problem or "")
    assert {call.method for call in api.calls} == {"GET"}


@pytest.mark.parametrize("params", [{}, {"target": "pve9"}])
@in_virtual_time
async def test_a_migration_needs_an_existing_node(params: dict[str, str]) -> None:
    api = an_api()
    report = await operate(api, "migrate", 100, params=params, validate="server")
    assert "params: target: there is no node" in (report.problem or "")
    assert (report.values["guests"][0]["node"], report.changed) == ("pve1", False)
    assert not api.made("POST")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("stop", {}),
        ("delete", {}),
        ("template", {}),
        ("shutdown", {"forceStop": True}),
        ("configure", {"delete": "unused0"}),
        ("configure", {"force": True, "delete": "scsi1"}),
    ],
)
@in_virtual_time
async def test_destructive_operations_are_refused_unless_allowed(
    operation: str, params: dict[str, Any]
) -> None:
    api = an_api()
    for check in (False, True):
        with pytest.raises(UsageError, match=r"allow_destructive to true.*Nothing was done"):
            await operate(api, operation, {"vmid": 100, "params": params}, check=check)
    assert not api.calls


@pytest.mark.parametrize(
    ("guests", "message"),
    [
        ([5], "guests: VMID 5 is outside"),
        ([100, "app1"], "VM 100 .app1. on pve1 is listed more than once"),
        ([100, 100], "'100' is listed more than once"),
        ([{"params": {}}], "set vmid, name or both"),
        ([{"vmid": 100, "parms": {}}], "set vmid, name or both"),
        ([{"vmid": True}], "the vmid of a guest is not a number"),
        ([{"vmid": "x"}], "the vmid of a guest is not a number"),
        ([{"vmid": 100, "params": "cipassword=s3cret"}], "params of a guest are not a dictionary"),
        ([[100]], "neither a VMID nor a name"),
        ([True], "neither a VMID nor a name"),
        ([None], "neither a VMID nor a name"),
        ([""], "neither a VMID nor a name"),
        (["{'vmid': 100, 'params': {'cipassword': 's3cret'}}"], "neither a VMID nor a name"),
        ([{"name": "a b"}], "neither a VMID nor a name"),
        ([{"vmid": 100, "params": {1: 2}}], "params: 1 is not the name of a parameter"),
        ([{"vmid": 100, "params": {None: 2}}], "params: None is not the name of a parameter"),
    ],
)
@in_virtual_time
async def test_invalid_requests_are_refused_before_anything_is_started(
    guests: list[Any], message: str
) -> None:
    api = an_api()
    with pytest.raises(UsageError, match=message) as caught:
        await operate(api, "start", *guests)
    assert "s3cret" not in str(caught.value)
    assert {call.method for call in api.calls} <= {"GET"}
