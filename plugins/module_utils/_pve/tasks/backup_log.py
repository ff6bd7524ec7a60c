# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a backup: the archive of each guest, how long it took, what went wrong.

The lines are those of ``PVE::VZDump`` and its plugins. It says VM of a container, too.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

_BEGIN = re.compile(r"INFO: Starting Backup of VM (?P<vmid>\d+) \((?P<type>\w+)\)")
_MODE = re.compile(r"INFO: backup mode: (?P<mode>\w+)")
_ARCHIVE = re.compile(
    r"INFO: creating (?:vzdump|Proxmox Backup Server) archive '(?P<archive>[^']+)'"
)
# A VM's data, and a container's; the first has no speed if it took less than a second.
_TRANSFERRED = re.compile(
    r"INFO: transferred (?P<size>[\d.]+ \w+) in .+ seconds?(?: \((?P<speed>[\d.]+ \w+)/s\))?"
)
_WRITTEN = re.compile(
    r"INFO: Total bytes written: (?P<size>\d+) \([^,)]+(?:, (?P<speed>[\d.]+\s?\w+)/s)?"
)
_FINISHED = re.compile(
    r"INFO: Finished Backup of VM (?P<vmid>\d+) \((?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d)\)"
)
_STORAGE = re.compile(r"INFO: starting new backup job: vzdump .*--storage (?P<storage>[\w.\-]+)")
# The guests by name, where the job was not given by --all or --pool, and those of other nodes.
_NAMED = re.compile(r"INFO: starting new backup job: vzdump (?P<vmids>\d+(?: \d+)*)(?: |\Z)")
_ELSEWHERE = re.compile(r"INFO: skip external VMs: (?P<vmids>[\d, ]+)")
_ERROR = re.compile(r"ERROR: (?P<what>.*)")
_WARNING = re.compile(r"WARN(?:ING)?: (?P<what>.*)")
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


@dataclass(frozen=True)
class GuestBackup:
    """The backup of one guest as its log reports it.

    ``archive`` is what its volume is called after the storage's ``backup/``: the name of a file, or
    ``vm/100/2026-11-21T12:48:07Z`` on a backup server. ``seconds`` is None unless it has finished,
    ``transferred`` (bytes) and ``speed`` (bytes per second) are None if not reported.
    ``errors`` are the texts behind ``ERROR:``, ``warnings`` those behind ``WARN:``.
    """

    vmid: int
    type: str
    mode: str | None = None
    archive: str | None = None
    seconds: int | None = None
    transferred: int | None = None
    speed: int | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the log says that this backup has finished."""
        return self.seconds is not None


@dataclass(frozen=True)
class BackupLog:
    """The log of a whole task.

    ``storage`` is None where the one of the node's settings was taken. ``errors`` are those before
    the first guest and after the last one. ``named`` are the guests of the job that were named in
    its call, without those of other nodes; None where it does not name them (``--all``).
    """

    storage: str | None
    guests: tuple[GuestBackup, ...]
    errors: tuple[str, ...] = ()
    named: tuple[int, ...] | None = None

    def of(self, vmid: int) -> GuestBackup | None:
        """The backup of this guest, None if it was not even begun."""
        return next((one for one in self.guests if one.vmid == vmid), None)


def read_backup_log(lines: t.Iterable[str]) -> BackupLog:
    """What the lines of a log say."""
    storage: str | None = None
    guests: list[GuestBackup] = []
    errors: list[str] = []
    named: tuple[int, ...] | None = None
    inside = False
    for line in lines:
        begin, error = _BEGIN.match(line), _ERROR.match(line)
        if begin:
            guests.append(GuestBackup(int(begin["vmid"]), begin["type"]))
            inside = True
        elif error and not inside:
            errors.append(error["what"])
        elif inside:
            guests[-1] = _with_line(guests[-1], line)
            inside = not line.startswith(("INFO: Backup finished at", "INFO: Failed at"))
        elif not guests:
            found = _STORAGE.match(line)
            storage = found["storage"] if found else storage
            named = _named(named, line)
    return BackupLog(storage, tuple(guests), tuple(errors), named)


def _named(named: tuple[int, ...] | None, line: str) -> tuple[int, ...] | None:
    call, elsewhere = _NAMED.match(line), _ELSEWHERE.match(line)
    if call:
        return tuple(map(int, call["vmids"].split()))
    if elsewhere and named:
        others = {int(one) for one in re.findall(r"\d+", elsewhere["vmids"])}
        return tuple(vmid for vmid in named if vmid not in others)
    return named


def _with_line(one: GuestBackup, line: str) -> GuestBackup:
    for pattern, read in _LINES:
        found = pattern.match(line)
        if found is not None:
            return replace(one, **read(one, found))
    return one


def _seconds(one: GuestBackup, found: re.Match[str]) -> dict[str, t.Any]:
    if int(found["vmid"]) != one.vmid:
        return {}
    return {"seconds": int(found["h"]) * 3600 + int(found["m"]) * 60 + int(found["s"])}


def _name(_one: GuestBackup, found: re.Match[str]) -> dict[str, t.Any]:
    path = found["archive"]
    return {"archive": path.rsplit("/", 1)[-1] if path.startswith("/") else path}


def _figures(_one: GuestBackup, found: re.Match[str]) -> dict[str, t.Any]:
    return {"transferred": _bytes(found["size"]), "speed": _bytes(found["speed"] or "")}


def _bytes(text: str) -> int | None:
    """``128.00 MiB`` or ``302MiB`` in bytes; a number alone is bytes."""
    match = re.match(r"([\d.]+)\s?([KMGTP]?)(?:i?B)?\Z", text)
    if match is None or match[1].count(".") > 1:
        return None
    return int(float(match[1]) * 1024 ** _UNITS[match[2]])


_LINES: t.Sequence[
    tuple[re.Pattern[str], t.Callable[[GuestBackup, re.Match[str]], dict[str, t.Any]]]
] = (
    (_ERROR, lambda one, found: {"errors": (*one.errors, found["what"])}),
    (_WARNING, lambda one, found: {"warnings": (*one.warnings, found["what"])}),
    (_MODE, lambda _one, found: {"mode": found["mode"]}),
    (_ARCHIVE, _name),
    (_TRANSFERRED, _figures),
    (_WRITTEN, _figures),
    (_FINISHED, _seconds),
)
