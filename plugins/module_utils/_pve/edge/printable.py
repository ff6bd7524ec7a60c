# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes to a terminal: texts of servers and guests without the characters that command it.

Exit statuses, logs and reason phrases come from programs that anybody may run. An escape sequence
in one would be obeyed by the terminal, and a mark of direction shows another text than it is.
"""

from __future__ import annotations

import re
import typing as t

# C0 but tab and line feed, DEL, C1, marks and overrides of direction, separators of lines,
# what is not shown at all, halves of characters.
_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(value: t.Any) -> t.Any:
    """The value with every such character shown as its number, in lists and dictionaries, too."""
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
