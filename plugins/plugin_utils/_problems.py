# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the wanted guests, before any module is called."""

from __future__ import annotations

import difflib
import re
import typing as t

from ..module_utils._pve.guests import fixed_addresses

Values = t.Mapping[str, t.Any]

# The options with addresses: ipconfigN of a VM, netN of a container, net of the module container.
_NETWORK = re.compile(r"(?:ipconfig|net)\d*")


def unknown_names(names: t.Iterable[str], known: t.Collection[str]) -> list[str]:
    """The names that are not known, each with the nearest one that is."""
    unknown = sorted(set(names) - set(known))
    return [name + _nearest(name, known) for name in unknown]


def _nearest(name: str, known: t.Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def address_problems(guests: t.Iterable[Values]) -> list[str]:
    """What is wrong with the fixed addresses of guests, a line for each problem.

    Each guest is known by its ``name``, ``hostname`` or ``vmid``, and may have its options in
    ``params`` as well.
    """
    return fixed_addresses.address_problems(
        (_title(guest), value) for guest in guests for value in _networks(guest)
    )


def _title(guest: Values) -> str:
    return str(guest.get("name") or guest.get("hostname") or f"VMID {guest.get('vmid')}")


def _networks(options: Values) -> t.Iterator[t.Any]:
    """The network interfaces in the options."""
    for name, value in options.items():
        if name == "params" and isinstance(value, t.Mapping):
            yield from _networks(value)
        elif _NETWORK.fullmatch(name):
            several = value if isinstance(value, (list, tuple)) else [value]
            yield from (one for one in several if one)
