# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account in words: a table of all guests, and a line for each failure."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ._account import Account, Failed, Progress

Row = tuple[str, str, str, str, str]

# So many guests are named in one line.
_NAMED = 10
_TITLES: Row = ("name", "VMID", "node", "address", "this run")


def table(account: Account, called: str, *, check_mode: bool) -> list[str]:
    """A line for all, a line of titles, and a line for each guest, the failed ones last.

    ``called`` is what the guests are called, such as ``VMs``.
    """
    would = "would be " if check_mode else ""
    rows = [
        _TITLES,
        *(_row(guest, _done(guest, would)) for guest in account.going),
        *(_row(one.guest, f"FAILED to {one.step}") for one in account.failed),
    ]
    width = max(len(row[0]) for row in rows)
    return [
        f"{len(account.going)} of {account.total} {called} {would.strip() or 'are'} ready",
        *(
            f"{name:{width}}  {vmid:9}  {node:8}  {address:15}  {run}"
            for name, vmid, node, address, run in rows
        ),
    ]


def problems(account: Account, called: str) -> list[str]:
    """A line for all and a line for each failure; nothing when all is well.

    Guests that failed in the same step for the same reason, without a task, share a line: their
    call failed as a whole.
    """
    if not account.failed:
        return []
    shared: dict[tuple[t.Any, ...], list[Failed]] = {}
    for one in account.failed:
        shared.setdefault((one.step, one.reason, one.upid), []).append(one)
    return [
        f"{len(account.failed)} of {account.total} {called} failed",
        *map(_problem, shared.values()),
    ]


def _row(guest: Progress, run: str) -> Row:
    return guest.name, str(guest.vmid or "-"), guest.node or "-", guest.address or "-", run


def _done(guest: Progress, would: str) -> str:
    return would + ", ".join(guest.done) if guest.done else "unchanged"


def _problem(alike: t.Sequence[Failed]) -> str:
    one = alike[0]
    upid = f" [{one.upid}]" if one.upid else ""
    named = ", ".join(_title(failed.guest) for failed in alike[:_NAMED])
    more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
    return f"{named}{more} failed to {one.step}: {one.reason}{upid}"


def _title(guest: Progress) -> str:
    return f"{guest.name} (VMID {guest.vmid or 'not chosen'})"
