# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unique process id of a Proxmox VE task (the reference is PVE::UPID)."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..api.errors import PveError

# The expression of PVE::UPID::decode. Perl's ``$`` allows one trailing newline, ``\Z`` does not: a
# line break is never part of the intended value.
_FORM = re.compile(
    r"""UPID
    :(?P<node>[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?)
    :(?P<pid>[0-9A-Fa-f]{8})
    :(?P<pstart>[0-9A-Fa-f]{8,9})
    :(?P<starttime>[0-9A-Fa-f]{8})
    :(?P<type>[^:\s/]+)
    :(?P<id>[^:\s/]*)
    :(?P<user>[^:\s/]+)
    :\Z""",
    re.VERBOSE,
)
_TOKEN = re.compile(r"(?P<user>.+@[A-Za-z][A-Za-z0-9.\-_]+)!(?P<token>[A-Za-z][A-Za-z0-9.\-_]+)\Z")
_SEPARATOR = re.compile(r"\s*,\s*(?=UPID:)")


class UpidError(PveError, ValueError):
    """A text is not the UPID of a Proxmox VE task."""


@dataclass(frozen=True)
class Upid:
    """One task. ``str()`` is the exact text that was parsed.

    ``pid`` and ``starttime`` (epoch seconds) are numbers, ``pstart`` counts clock ticks since the
    node's boot. ``id`` is what the task works on: a VMID, another name, or empty. ``user`` is who
    started it, with the name of the token if any (``user@realm!token``).
    """

    text: str
    node: str
    pid: int
    pstart: int
    starttime: int
    type: str
    id: str
    user: str

    @classmethod
    def parse(cls, text: object) -> Upid:
        """Parse a UPID; :class:`UpidError` for anything else, with the text."""
        match = _FORM.match(text) if isinstance(text, str) else None
        if match is None:
            raise UpidError(
                f"{_shown(text)} is not a UPID of Proxmox VE"
                " (UPID:node:pid:pstart:starttime:type:id:user:)"
            )
        field = match.groupdict()
        return cls(
            text=match.group(0),
            node=field["node"],
            pid=int(field["pid"], 16),
            pstart=int(field["pstart"], 16),
            starttime=int(field["starttime"], 16),
            type=field["type"],
            id=field["id"],
            user=field["user"],
        )

    def __str__(self) -> str:
        return self.text

    @property
    def vmid(self) -> int | None:
        """The guest that the task names, or None if its id is something else."""
        return int(self.id) if re.fullmatch(r"[1-9]\d{2,8}", self.id) else None

    @property
    def userid(self) -> str:
        """The user without the token."""
        match = _TOKEN.match(self.user)
        return match.group("user") if match else self.user

    @property
    def tokenid(self) -> str | None:
        """The name of the token that started the task, or None."""
        match = _TOKEN.match(self.user)
        return match.group("token") if match else None


def collect_upids(given: t.Sequence[str], option: str) -> list[Upid]:
    """The UPIDs of a list whose items may be comma-separated lists, each once, in order.

    UpidError, with ``option`` and the text, for anything else.

    An id may contain a comma (a file name, for instance), so a comma separates only before
    ``UPID:``; parts that were already split at another comma are joined again.
    """
    texts: list[str] = []
    for part in given:
        if texts and not part.lstrip().startswith("UPID:") and not _FORM.match(texts[-1]):
            texts[-1] += "," + part
        else:
            texts += [text for text in _SEPARATOR.split(part.strip()) if text]
    try:
        return list(dict.fromkeys(Upid.parse(text) for text in texts))
    except UpidError as error:
        raise UpidError(f"{option}: {error}") from None


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= 200 else text[:200] + "...")
