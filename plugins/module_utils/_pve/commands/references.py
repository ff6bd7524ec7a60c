# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that a user names: VMIDs, names, or dictionaries with parameters of their own."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..api.errors import UsageError
from ..guests.cluster import as_vmid
from ..guests.vmids import check_vmid

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster, Guest

_KEYS = ("vmid", "name", "params")
# Characters that no name of a guest has: spaces, brackets, quotes, separators, assignments.
_NAME = re.compile(r"[^\s\x00-\x1f\x7f{}\[\]=:,;'\"]{1,255}\Z")


@dataclass(frozen=True)
class GuestReference:
    """One guest as the user named it, with the parameters for it.

    By ``vmid`` or by ``name``; with both it is the guest of this VMID, if it has this name.
    """

    vmid: int | None
    name: str | None
    params: t.Mapping[str, t.Any]

    @property
    def text(self) -> str:
        """What the user wrote."""
        if self.name is None:
            return str(self.vmid)
        return self.name if self.vmid is None else f"{self.name} ({self.vmid})"

    def find(self, cluster: Cluster) -> Guest | None:
        """The guest in the cluster; an explicit name is never taken for a VMID.

        UsageError if several have the name, or if the guest of the VMID has another one.
        """
        if self.vmid is None:
            return cluster.find_named(t.cast("str", self.name), "guests")
        guest = cluster.guests.get(self.vmid)
        # A name that is not known is read right before the guest is changed.
        if guest is not None and self.name is not None and guest.name not in (None, self.name):
            raise UsageError(not_named(guest, self.name))
        return guest


def not_named(guest: Guest, name: str) -> str:
    """The message about a guest that has another name than the user gave."""
    return (
        f"expected VMID {guest.vmid} to be named {name!r}, found {guest.name!r}; it is not changed"
    )


def read_references(
    guests: t.Sequence[t.Any], common: t.Mapping[str, t.Any] | None
) -> list[GuestReference]:
    """Read the option ``guests``; ``common`` are the parameters for all.

    UsageError for invalid entries, of which only keys or type are shown because they may contain a
    secret, and for a guest that is listed twice in the same way.
    """
    references = [_read(one, common or {}) for one in guests]
    seen: set[tuple[int | None, str | None]] = set()
    for one in references:
        if (one.vmid, one.name) in seen:
            raise UsageError(f"guests: {one.text!r} is listed more than once")
        seen.add((one.vmid, one.name))
    return references


def _read(one: t.Any, common: t.Mapping[str, t.Any]) -> GuestReference:
    if not isinstance(one, t.Mapping):
        return _referred(one, common)
    unknown = sorted(str(key) for key in one if key not in _KEYS)
    given = {key: one[key] for key in ("vmid", "name") if one.get(key) is not None}
    if unknown or not given:
        raise UsageError(
            f"guests: a guest has the keys {', '.join(map(str, one)) or 'none'}; set vmid, name or"
            " both, and params where it has its own"
        )
    own = one.get("params") or {}
    if not isinstance(own, t.Mapping):
        raise UsageError("guests: params of a guest are not a dictionary")
    params = parameters({**common, **own})
    name = _name(given["name"]) if "name" in given else None
    if "vmid" not in given:
        return GuestReference(None, name, params)
    vmid = as_vmid(given["vmid"])
    if vmid is None or isinstance(given["vmid"], bool):
        raise UsageError("guests: the vmid of a guest is not a number")
    return GuestReference(check_vmid(vmid, "guests"), name, params)


def _referred(one: t.Any, params: t.Mapping[str, t.Any]) -> GuestReference:
    if isinstance(one, (bool, list, tuple)) or one is None:
        raise UsageError(f"guests: a {type(one).__name__} is neither a VMID nor a name")
    params = parameters(params)
    vmid = as_vmid(one)
    if vmid is None:
        return GuestReference(None, _name(one), params)
    return GuestReference(check_vmid(vmid, "guests"), None, params)


def parameters(params: t.Mapping[t.Any, t.Any]) -> t.Mapping[str, t.Any]:
    """The option params; YAML takes a number, a date or nothing for a key, the API only names."""
    for name in params:
        if not isinstance(name, str) or not name:
            raise UsageError(f"params: {name!r} is not the name of a parameter")
    return params


def _name(value: t.Any) -> str:
    """A name, if a guest can have it."""
    text = str(value).strip()
    if not _NAME.match(text):
        raise UsageError(
            "guests: an entry is neither a VMID nor a name (hidden, because it may contain a"
            " secret)"
        )
    return text
