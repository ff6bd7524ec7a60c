# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mark of a restored guest: which call restored it from what, and until when that may live.

It is a line of the guest's description, and never changes. A call whose process is seen to be gone
no longer lives, and no call works on its guest after the time in the mark. So what another call has
restored is left over only if one of the two is certain.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ...tasks.task import iso
from ...tasks.times import read_moment

_MARK = re.compile(
    r"^upid\.proxmox verify_backups: (?P<token>[0-9a-f]{16}) by (?P<process>\S+)"
    r" until (?P<until>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ): (?P<volid>\S+)$",
    re.MULTILINE,
)
_PROCESS = re.compile(r"([0-9a-f]{12})\.(\d{1,10})\.(\d{1,20})\Z")
# What a process is called on a system that does not say more.
_SOME = "-"
# The marks whose calls are at work in this process.
_at_work: set[str] = set()


@dataclass(frozen=True)
class Mark:
    """The mark of one restored guest: ``token`` is unique, ``until`` is in epoch seconds."""

    token: str
    process: str
    until: int
    volid: str

    @classmethod
    def new(cls, volid: str, until: int) -> Mark:
        """A mark that no other guest has."""
        return cls(secrets.token_hex(8), this_process(), until, volid)

    @classmethod
    def of(cls, config: t.Mapping[str, t.Any]) -> Mark | None:
        """The mark in a guest's configuration, None if it has none."""
        found = _MARK.search(str(config.get("description") or ""))
        if found is None:
            return None
        until = read_moment(found["until"], "until")
        return cls(
            found["token"], found["process"], until.seconds or 0 if until else 0, found["volid"]
        )

    def __str__(self) -> str:
        return (
            f"upid.proxmox verify_backups: {self.token} by {self.process}"
            f" until {iso(self.until)}: {self.volid}"
        )

    def __enter__(self) -> None:
        """While the block runs, this process works on the guest."""
        _at_work.add(self.token)

    def __exit__(self, *_unused: object) -> None:
        _at_work.discard(self.token)

    def may_be_at_work(self, now: float) -> bool:
        """Whether the call that restored the guest may still work on it."""
        if self.token in _at_work:
            return True
        if self.process == this_process() != _SOME:
            return False
        return now <= self.until and not _is_gone(self.process)


def this_process() -> str:
    """This process, as other processes of this system can look for it."""
    return _named(os.getpid()) or _SOME


def _is_gone(process: str) -> bool:
    """Whether a process certainly no longer runs; False for one of another system."""
    match = _PROCESS.match(process)
    if match is None or match[1] != _system():
        return False
    pid = int(match[2])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it runs, and belongs to another user
        return False
    begun = _begun(pid)
    return begun is not None and begun != match[3]


def _named(pid: int) -> str | None:
    system, begun = _system(), _begun(pid)
    return None if system is None or begun is None else f"{system}.{pid}.{begun}"


def _system() -> str | None:
    """This boot of this machine and its space of process ids, such as that of a container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except (OSError, ValueError):
        return None
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def _begun(pid: int) -> str | None:
    """When a process began, in ticks since the boot (``proc_pid_stat(5)``)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
