# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.printable import printable
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("VM 100 \u00fc: 50 %\n\tdone", "VM 100 \u00fc: 50 %\n\tdone"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x07", r"\x07"),
        ("a\rb", r"a\x0db"),
        ("a\r\nb", "a\nb"),
        ("\x9b31m", r"\x9b31m"),
        ("exe.\u202etxt", r"exe.\u202etxt"),
        ("a\u200bb", r"a\u200bb"),
        ("a\u2028b", r"a\u2028b"),
        ("a\xadb", r"a\xadb"),
        ("a\ud83db", r"a\ud83db"),
        ("a\U000e0041b", r"a\U000e0041b"),
    ],
)
def test_what_commands_a_terminal_is_shown_as_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_no_character_that_a_terminal_obeys_is_left(text: str) -> None:
    kinds = {unicodedata.category(one) for one in printable(text) if one not in "\n\t"}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}


def test_the_rest_of_a_value_stays_what_it_is() -> None:
    value: Any = {"a": [1, None, 2.5, True, {"b\x1b": "c\x07"}], "d": ("e",)}
    assert printable(value) == {"a": [1, None, 2.5, True, {r"b\x1b": r"c\x07"}], "d": ["e"]}
