# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes texts of servers and guests safe for a terminal, without control characters.

Exit statuses, logs and reason phrases come from programs that anyone may run.

A terminal would obey escape sequences in them, and a direction mark displays another text than the
real one.
"""

from __future__ import annotations

import re
import typing as t

# C0 except tab and line feed, DEL, C1, direction marks and overrides, line separators, invisible
# characters, surrogates.
_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(value: t.Any) -> t.Any:
    """The value with every such character shown as its code, also in lists and dictionaries."""
    if isinstance(value, str):
        return _COMMANDS.sub(_shown, value.replace("\r\n", "\n"))
    if isinstance(value, t.Mapping):
        return {printable(key): printable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(one) for one in value]
    return value


def _shown(match: re.Match[str]) -> str:
    number = ord(match.group())
    width = 2 if number < 0x100 else 4 if number < 0x10000 else 8
    return "\\" + {2: "x", 4: "u", 8: "U"}[width] + f"{number:0{width}x}"
