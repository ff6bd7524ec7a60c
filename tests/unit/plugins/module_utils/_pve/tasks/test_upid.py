# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import PveError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import (
    Upid,
    UpidError,
    collect_upids,
)
from hypothesis import given
from hypothesis import strategies as st

TAIL = "000934AF:0D015579:68BF3A41"
VALID = (
    "UPID:pve1:0000C346:165A0CE4:68D7279C:aptupdate::root@pam:",
    f"UPID:pve1:{TAIL}:qmclone:9000:root@pam:",
    f"UPID:pve-02:{TAIL}:vzdump:100:ansible@pve!ci:",
    "UPID:n:003FFFFF:FFFFFFFFF:68BF3A41:qmstart:100:root@pam:",
    "UPID:pve1:000934af:0d015579:68bf3a41:qmstart:100:root@pam:",
    f"UPID:pve1:{TAIL}:qmmove:100-scsi0>101-scsi1:root@pam:",
    f"UPID:pve1:{TAIL}:imgdel:105@local-lvm:root@pam:",
    f"UPID:pve1:{TAIL}:download:debian-12%3Ax.iso:root@pam:",
    f"UPID:pve1:{TAIL}:cephcreatemon:mon.pve1:root@pam:",
    f"UPID:pve1:{TAIL}:auth-realm-sync:corp:alice@corp.example:",
    f"UPID:9node:{TAIL}:bulk-migrate::user.name+x@ldap:",
    f"UPID:PVE1:{TAIL}:unknown::a:",
)
INVALID = {
    "no trailing colon": f"UPID:pve1:{TAIL}:qmstart:100:root@pam",
    "a dot in the node": f"UPID:pve1.example.com:{TAIL}:qmstart:100:root@pam:",
    "an underscore": f"UPID:pve_1:{TAIL}:qmstart:100:root@pam:",
    "a leading hyphen": f"UPID:-pve1:{TAIL}:qmstart:100:root@pam:",
    "a pid of 5 digits": "UPID:pve1:934AF:0D015579:68BF3A41:qmstart:100:root@pam:",
    "a pstart of 10 digits": "UPID:pve1:000934AF:1000000000:68BF3A41:qmstart:100:root@pam:",
    "a start time of 9 digits": "UPID:pve1:000934AF:0D015579:168BF3A41:qmstart:100:root@pam:",
    "no type": f"UPID:pve1:{TAIL}::100:root@pam:",
    "no user": f"UPID:pve1:{TAIL}:qmstart:100::",
    "a slash in the id": f"UPID:pve1:{TAIL}:download:a/b:root@pam:",
    "the literal in small letters": f"upid:pve1:{TAIL}:qmstart:100:root@pam:",
    "a backup server's": "UPID:pbs1:00004F37:0039E469:00000000:5CA78B83:verify::root@pam:",
    "a line end": f"UPID:pve1:{TAIL}:qmstart:100:root@pam:\n",
    "a trailing hyphen": f"UPID:pve1-:{TAIL}:qmstart:100:root@pam:",
    "a blank in the type": f"UPID:pve1:{TAIL}:qm start:100:root@pam:",
    "nothing": "",
}
FIELD = st.from_regex(r"\A[^:/\s\ud800-\udfff]{1,30}\Z")
NODE = st.from_regex(r"\A[a-zA-Z0-9]([a-zA-Z0-9\-]{0,20}[a-zA-Z0-9])?\Z")
WORD = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize("text", VALID)
def test_a_upid_is_read_and_written_unchanged(text: str) -> None:
    assert str(Upid.parse(text)) == text


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_anything_else_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(UpidError, match="is not a UPID of Proxmox VE") as caught:
        Upid.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("value", [None, 100, ["UPID"], {"upid": VALID[0]}, b"UPID"])
def test_what_is_no_text_is_refused_too(value: object) -> None:
    with pytest.raises(UpidError):
        Upid.parse(value)


def test_the_upid_of_a_token_s_task_is_read_field_by_field() -> None:
    upid = Upid.parse(VALID[2])
    assert (upid.node, upid.type, upid.id, upid.vmid) == ("pve-02", "vzdump", "100", 100)
    assert (upid.user, upid.userid, upid.tokenid) == ("ansible@pve!ci", "ansible@pve", "ci")
    assert (upid.pid, upid.pstart, upid.starttime) == (0x934AF, 0xD015579, 0x68BF3A41)


@pytest.mark.parametrize("index", [0, 5, 6, 8])
def test_an_id_that_is_no_vmid_is_none(index: int) -> None:
    assert Upid.parse(VALID[index]).vmid is None


@pytest.mark.parametrize(
    ("user", "userid", "tokenid"),
    [
        ("root@pam", "root@pam", None),
        ("a!b@pve", "a!b@pve", None),
        ("a!b@pve!ci", "a!b@pve", "ci"),
        ("a", "a", None),
    ],
)
def test_a_token_is_what_follows_the_realm(user: str, userid: str, tokenid: str | None) -> None:
    upid = Upid.parse(f"UPID:pve1:{TAIL}:qmstart:100:{user}:")
    assert (upid.userid, upid.tokenid) == (userid, tokenid)


@given(NODE, WORD, st.integers(0, 0xFFFFFFFFF), WORD, FIELD, st.one_of(st.just(""), FIELD), FIELD)
def test_every_possible_upid_survives_the_round_trip(
    node: str, pid: int, pstart: int, starttime: int, type_: str, id_: str, user: str
) -> None:
    text = f"UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{type_}:{id_}:{user}:"
    upid = Upid.parse(text)
    assert str(upid) == text
    assert (upid.node, upid.type, upid.id, upid.user) == (node, type_, id_, user)
    assert (upid.pid, upid.pstart, upid.starttime) == (pid, pstart, starttime)


@given(st.one_of(st.text(), st.text(alphabet="UPID:0123456789ABCDEFabcdef@!-.,\n x")))
def test_arbitrary_text_gives_a_upid_or_a_value_error(text: str) -> None:
    with contextlib.suppress(UpidError):
        assert str(Upid.parse(text)) == text


@given(st.lists(st.text(), max_size=5))
def test_arbitrary_lists_give_upids_or_a_value_error(texts: list[str]) -> None:
    with contextlib.suppress(UpidError):
        assert all(str(upid) in "".join(texts) for upid in collect_upids(texts, "upids"))


def test_the_error_is_a_value_error_of_ours() -> None:
    assert issubclass(UpidError, ValueError)
    assert issubclass(UpidError, PveError)


COMMA = f"UPID:pve1:{TAIL}:imgdel:a,b,,c.iso:root@pam:"


@pytest.mark.parametrize(
    "given_texts",
    [
        [VALID[1], COMMA, VALID[2]],
        [f"{VALID[1]},{COMMA},{VALID[2]}"],
        [f" {VALID[1]} , {COMMA} ,\n {VALID[2]} "],
        f"{VALID[1]},{COMMA},{VALID[2]}".split(","),
        [VALID[1], "", COMMA, VALID[1], VALID[2], ""],
    ],
)
def test_a_comma_in_an_id_survives_however_the_list_is_written(given_texts: list[str]) -> None:
    expected = [VALID[1], COMMA, VALID[2]]
    assert [str(upid) for upid in collect_upids(given_texts, "upids")] == expected


@pytest.mark.parametrize("bad", list(INVALID.values())[:12])
def test_one_bad_text_in_a_list_is_named_with_the_option(bad: str) -> None:
    with pytest.raises(UpidError, match=r"^upids: ") as caught:
        collect_upids([VALID[0], bad, VALID[1]], "upids")
    assert bad in str(caught.value)


def test_no_upids_are_no_error() -> None:
    assert collect_upids([], "upids") == []
    assert collect_upids(["", "  "], "upids") == []
