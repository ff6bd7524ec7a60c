# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the settings of a guest to the options of a module, by a table."""

from __future__ import annotations

import re
import typing as t

from ..module_utils._pve.api.errors import UsageError

if t.TYPE_CHECKING:
    from ._plan import Planned

# Where the value of an option comes from, see ``fill``.
Source = t.Union[str, t.Sequence[str]]
Table = t.Mapping[str, Source]

_PLACE = re.compile(r"\{(\w+)\}")


def fill(table: Table, guest: Planned) -> dict[str, t.Any]:
    """The options of the table that the guest says something about.

    A source is the name of a setting, a text with names of settings in braces, or a list of names
    of settings that are dictionaries, each put over the one before. ``name`` and ``vmid`` are
    settings, too. None, an empty text, list or dictionary say nothing.
    """
    known = {**guest.settings, "name": guest.name, "vmid": guest.vmid}
    values = {option: _value(source, known) for option, source in table.items()}
    return {option: value for option, value in values.items() if is_said(value)}


def operand(guest: Planned, params: Table, further: t.Sequence[str] = ()) -> dict[str, t.Any]:
    """The guest and its parameters, as the module operation takes them.

    The dictionaries that the settings ``further`` hold are put over ``params``. A guest goes by its
    name only while it has no VMID.
    """
    known_by = {"name": guest.name} if guest.vmid is None else {"vmid": guest.vmid}
    return {**known_by, "params": {**fill(params, guest), **_merged(further, guest.settings)}}


def is_said(value: object) -> bool:
    """Whether a value says something; 0 and False do."""
    return value is not None and not (isinstance(value, (str, list, tuple, dict)) and not value)


def _value(source: Source, known: t.Mapping[str, t.Any]) -> t.Any:
    if not isinstance(source, str):
        return _merged(source, known)
    names = _PLACE.findall(source)
    if not names:
        return known.get(source)
    if not all(is_said(known.get(name)) for name in names):
        return None
    return _PLACE.sub(lambda place: str(known[place.group(1)]), source)


def _merged(names: t.Sequence[str], known: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    merged: dict[str, t.Any] = {}
    for name in names:
        value = known.get(name)
        if value is not None and not isinstance(value, t.Mapping):
            raise UsageError(f"{name} is not a dictionary")
        merged.update(value or {})
    return merged
