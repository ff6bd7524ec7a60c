# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.upid.proxmox.plugins.filter.parse_upid import FilterModule

parse_upid = FilterModule().filters()["parse_upid"]


def test_a_upid_is_taken_apart() -> None:
    upid = "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
    assert parse_upid(upid) == {
        "upid": upid,
        "node": "pve1",
        "pid": 0x000934AF,
        "pstart": 0x0D015579,
        "starttime": "2025-09-08T20:19:13Z",
        "type": "qmclone",
        "id": "9000",
        "vmid": 9000,
        "user": "ansible@pve!ci",
        "userid": "ansible@pve",
        "tokenid": "ci",
        "title": "VM 9000 - Clone",
    }


def test_what_a_upid_does_not_have_is_null() -> None:
    parts = parse_upid("UPID:pve1:0000C346:165A0CE4:68D7279C:aptupdate::root@pam:")
    assert (parts["id"], parts["vmid"], parts["tokenid"]) == ("", None, None)


def test_an_id_that_is_no_vmid_stays_text() -> None:
    parts = parse_upid("UPID:pve1:000934AF:0D015579:68BF3A41:imgdel:105@local-lvm:root@pam:")
    assert (parts["id"], parts["vmid"]) == ("105@local-lvm", None)


@pytest.mark.parametrize(
    "wrong",
    ["", "100", "UPID:pve1:000934AF:0D015579:68BF3A41:qmstart:100:root@pam", None, 100, ["UPID"]],
)
def test_anything_else_is_an_error_that_names_it(wrong: object) -> None:
    with pytest.raises(AnsibleFilterError, match=r"parse_upid: .* is not a UPID") as caught:
        parse_upid(wrong)
    assert repr(wrong) in str(caught.value)
