# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of variables and options that are not known."""

from __future__ import annotations

import difflib
import typing as t


def unknown_names(names: t.Iterable[str], known: t.Collection[str]) -> list[str]:
    """The names that are not known, each with the nearest one that is."""
    unknown = sorted(set(names) - set(known))
    return [name + _nearest(name, known) for name in unknown]


def _nearest(name: str, known: t.Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""
