# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMIDs: which are valid, and which are free for new guests."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..api.answers import count_of, malformed
from ..api.errors import ApiError, PveError, UsageError

if t.TYPE_CHECKING:
    from ..api.client import Api

LOWEST_VMID, HIGHEST_VMID = 100, 999999999
_INVALID = 400


@dataclass(frozen=True)
class VmidRange:
    """The VMIDs that may be given to new guests, both ends included."""

    first: int = LOWEST_VMID
    last: int = HIGHEST_VMID

    @classmethod
    def parse(cls, text: str) -> VmidRange:
        """Read ``200-299``."""
        match = re.match(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*\Z", text)
        if match is None:
            raise UsageError(f"vmid_range: {text!r} is not a range such as 200-299")
        first, last = int(match.group(1)), int(match.group(2))
        check_vmid(first, "vmid_range")
        if last < first:
            raise UsageError(f"vmid_range: {text!r} ends before it begins")
        return cls(first, last)


def check_vmid(vmid: int, option: str) -> int:
    """The VMID, if Proxmox VE accepts it (``pve-vmid``: 100 to 999999999)."""
    if not LOWEST_VMID <= vmid <= HIGHEST_VMID:
        raise UsageError(f"{option}: VMID {vmid} is outside {LOWEST_VMID}..{HIGHEST_VMID}")
    return vmid


async def why_not_gone(api: Api, vmid: int) -> str:
    """Why a guest that the cluster's lists do not show may be there all the same; empty if not.

    They leave out what the caller cannot see; only the check of a VMID for a new guest knows it.
    """
    try:
        await api.get(("cluster", "nextid"), {"vmid": vmid})
    except ApiError as error:
        if error.status == _INVALID and "already exists" in error.reason:
            return f"there is a guest {vmid}, but the user or token lacks VM.Audit on it"
        if error.status == _INVALID:  # such as of a VMID that no guest can have
            return ""
        return f"cannot determine whether there is a guest {vmid}: {error}"
    except PveError as error:
        return f"cannot determine whether there is a guest {vmid}: {error}"
    return ""


class Vmids:
    """Allocates free VMIDs, each once.

    Without a range the cluster returns the lowest one, because it knows its configured limits and
    guests that the caller cannot see.
    """

    def __init__(self, api: Api, used: t.Iterable[int], allowed: VmidRange | None) -> None:
        self._api = api
        self._used = set(used)
        self._allowed = allowed or VmidRange()
        self._ask_first = allowed is None
        self._next = self._allowed.first

    def note(self, used: t.Iterable[int]) -> None:
        """Exclude these as well."""
        self._used.update(used)

    async def take(self) -> int:
        """A VMID that no known guest has and that was not allocated before."""
        if self._ask_first:
            self._ask_first = False
            answer = (await self._api.get(("cluster", "nextid"))).data
            vmid = count_of(answer)
            if vmid is None:
                raise malformed("GET /cluster/nextid", answer)
            self._next = vmid
        while self._next in self._used:
            self._next += 1
        if self._next > self._allowed.last:
            raise UsageError(
                f"vmid_range: no VMID is free from {self._allowed.first} to {self._allowed.last}"
            )
        self._used.add(self._next)
        return self._next

    async def instead_of(self, taken: int) -> int:
        """A VMID in place of one that was taken, checked with the cluster."""
        self._used.add(taken)
        while True:
            vmid = await self.take()
            try:
                await self._api.get(("cluster", "nextid"), {"vmid": vmid})
            except ApiError as error:
                if error.status != 400:
                    raise
            else:
                return vmid
