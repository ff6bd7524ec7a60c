# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unknown names of variables and options."""

from __future__ import annotations

import difflib
import typing as t


def unknown_names(names: t.Iterable[str], known: t.Collection[str]) -> list[str]:
    """The unknown names, each with the nearest known one."""
    unknown = sorted(set(names) - set(known))
    return [name + _nearest(name, known) for name in unknown]


def _nearest(name: str, known: t.Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""
