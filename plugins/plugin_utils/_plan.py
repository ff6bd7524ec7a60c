# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that are wanted: their names, VMIDs and settings, before any module is asked."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..module_utils._pve.api.errors import UsageError

Settings = t.Mapping[str, t.Any]

# What names a guest; the rest of what is said about one are its settings.
_IDENTITY = ("name", "hostname", "vmid")


@dataclass(frozen=True)
class Planned:
    """A guest that is wanted; ``vmid`` is None where a free one will do."""

    name: str
    vmid: int | None = None
    settings: Settings = field(default_factory=dict)

    @classmethod
    def from_values(cls, values: t.Mapping[str, t.Any]) -> Planned:
        """Read what ``as_values`` wrote, or anything else with these keys."""
        name = values.get("name")
        if not name:
            raise UsageError(f"a guest has no name, but {keys(values)}")
        vmid = number_or_none(values.get("vmid"), "vmid")
        return cls(str(name), vmid, values.get("settings") or {})

    def as_values(self) -> dict[str, t.Any]:
        """The guest as a dictionary."""
        return {"name": self.name, "vmid": self.vmid, "settings": dict(self.settings)}


@dataclass(frozen=True)
class Series:
    """Guests that differ in a number only: ``count`` of them, numbered from ``first`` on.

    ``pattern`` is the name with a place for the number in the style of printf. The VMIDs count up
    from ``vmid_start``; None leaves them open.
    """

    count: int = 0
    pattern: str = "guest-%02d"
    first: int = 1
    vmid_start: int | None = None

    def guests(self) -> list[dict[str, t.Any]]:
        """Name and VMID of each guest."""
        return [
            {
                "name": with_number(self.pattern, self.first + index),
                "vmid": None if self.vmid_start is None else self.vmid_start + index,
            }
            for index in range(self.count)
        ]


def plan(
    listed: t.Sequence[t.Mapping[str, t.Any]],
    series: Series,
    settings: Settings,
    numbered: t.Mapping[str, int | None],
) -> list[Planned]:
    """The guests of the list, then those of the series, each with all of its settings.

    What a guest says counts more than ``settings``; None says nothing. ``numbered`` names those of
    the settings that have a place for a number, and the number of the first guest in each, None
    for that of the series. UsageError for a guest without a name
    and for a list with an empty item. That names differ is for the
    module that makes the guests to see to, which refuses them by the names of its own options.
    """
    starts = {name: series.first if start is None else start for name, start in numbered.items()}
    return [
        _planned(one, {**settings, **_counted(settings, starts, index)})
        for index, one in enumerate([*listed, *series.guests()])
    ]


def _counted(settings: Settings, starts: t.Mapping[str, int], index: int) -> dict[str, t.Any]:
    """The numbered settings of the guest with this index."""
    return {name: with_number(settings.get(name), start + index) for name, start in starts.items()}


def _planned(one: t.Mapping[str, t.Any], common: Settings) -> Planned:
    name = one.get("name") or one.get("hostname")
    if not name:
        raise UsageError(f"a guest has neither a name nor a hostname, but {keys(one)}")
    own = {key: value for key, value in one.items() if value is not None and key not in _IDENTITY}
    settings = {**common, **own}
    for setting, value in settings.items():
        if isinstance(value, (list, tuple)) and any(item in (None, "") for item in value):
            raise UsageError(f"{setting} of {name} has an empty item")
    return Planned(str(name), number_or_none(one.get("vmid"), "vmid"), settings)


def keys(values: t.Mapping[str, t.Any]) -> str:
    """The keys of a dictionary for a message; its values may be secret."""
    return ", ".join(map(str, values)) or "nothing at all"


def with_number(value: t.Any, number: int) -> t.Any:
    """A text, or each text of a list, with the number in its place, where it has a place."""
    if isinstance(value, (list, tuple)):
        return [with_number(one, number) for one in value]
    if not isinstance(value, str) or "%" not in value:
        return value
    try:
        return value % number
    except (TypeError, ValueError) as exc:
        raise UsageError(f"{value!r} has no place for one number, such as %02d: {exc}") from exc


def number(value: object, option: str) -> int:
    """A whole number, which comes as a text from the command line."""
    try:
        return int(str(value))
    except ValueError as exc:
        raise UsageError(f"{option}: {value!r} is no whole number") from exc


def number_or_none(value: object, option: str) -> int | None:
    """A whole number, or None where there is none."""
    return None if value in (None, "") else number(value, option)
