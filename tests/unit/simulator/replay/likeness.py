# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an answer is not like the recorded one.

Compared are status, reason, headers, errors, messages and all fields of the data with their JSON
types and their values, the delay within a second. What no two runs have in common (pids, times,
digests, generated addresses and uuids, measured usage) counts as the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .client import Reply
from .recording import Recording

SAME = (
    (re.compile(r"UPID:[^:\s/]+:[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:"), "UPID:"),
    (re.compile(r"\.tmp\.\d+"), ".tmp.PID"),
    (re.compile(r"\b[0-9A-F]{2}(?::[0-9A-F]{2}){31}\b"), "FINGERPRINT"),
    (re.compile(r"\b[0-9A-F]{2}(?::[0-9A-F]{2}){5}\b"), "MAC"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"/proc/\d+/"), "/proc/PID/"),
    (re.compile(r"\bctime=\d+"), "ctime=TIME"),
    (re.compile(r"/pveupload-[0-9a-f]{32}\b"), "/pveupload-NAME"),
    (re.compile(r"\bvzdumptmp\d+\b"), "vzdumptmpPID"),
    (re.compile(r"20\d\d[-_]\d\d[-_]\d\d[T -]\d\d[:_]\d\d[:_]\d\dZ?"), "TIME"),
    (re.compile(r"\(duration \d\d:\d\d:\d\d\)"), "(duration TIME)"),
    (re.compile(r"CTIME: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 20\d\d"), "CTIME: TIME"),
)
CUT_PATH = "/srv/pve"
"""What the recorder of the first series wrote for every path of the host."""
PATHS = re.compile(r"(?:/srv/|/var/lib/vz)[^'\"\s\]]*")
HEADERS = ("connection", "content-type", "content-encoding", "content-disposition")
NAMES = ("upid", "volid", "vmid", "sid", "id", "node", "storage", "key", "name", "realm")
"""What entries of lists are known by, the most telling first."""
MEASURED = frozenset(
    [
        "upid",
        "pid",
        "pstart",
        "starttime",
        "endtime",
        "digest",
        "config_digest",
        "time",
        "localtime",
        "uptime",
        "ctime",
        "mtime",
        "timestamp",
        "cpu",
        "mem",
        "memhost",
        "disk",
        "diskread",
        "diskwrite",
        "netin",
        "netout",
        "in",
        "out",
        "used",
        "avail",
        "free",
        "available",
        "used_fraction",
        "loadavg",
        "wait",
        "idle",
        "mhz",
        "pressurecpufull",
        "pressurecpusome",
        "pressureiofull",
        "pressureiosome",
        "pressurememoryfull",
        "pressurememorysome",
        "snaptime",
        "running-qemu",
        "running-machine",
        "fingerprint",
        "pve_fp",
        "pem",
        "notafter",
        "notbefore",
        "ticket",
        "port",
        "cert",
        "password",
        "running_pid",
        "freemem",
        "ballooninfo",
        "pbs-library-version",
        "rd_bytes",
        "rd_operations",
        "rd_total_time_ns",
        "wr_bytes",
        "wr_operations",
        "wr_total_time_ns",
        "wr_highest_offset",
        "shares",
        "CSRFPreventionToken",
        "total",
    ]
)
"""Fields that no two runs have in common; their presence and their types count all the same."""
SOMETIMES = "idle_time_ns"
"""A field that a drive has as soon as something was read from it."""
HIDDEN = "secret"
"""What the recordings have in place of secrets."""
KINDS = {
    bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object",
    type(None): "null",
}  # fmt: skip
PATIENCE = 1.5
"""Seconds that the load of the recorded machine may have added to an answer."""


def differences(told: Recording, seen: Reply, elapsed: float) -> list[str]:
    """What differs, empty when nothing does."""
    if CUT_PATH in json.dumps(told.response):
        told, seen = _without_paths(told, seen)
    found = list(_head(told, seen))
    if told.shape is not None:
        found += _shape(told.shape, seen.body)
    elif told.status:
        found += _body(told, seen.body)
    if abs(elapsed - told.elapsed) > max(PATIENCE, told.elapsed / 10):
        found.append(f"it took {elapsed:.2f} s instead of {told.elapsed:.2f} s")
    return found


def _without_paths(told: Recording, seen: Reply) -> tuple[Recording, Reply]:
    """Both answers with the path of the recorder for all paths."""
    response = json.loads(PATHS.sub(CUT_PATH, json.dumps(told.response)))
    content = seen.content
    if not seen.values("content-encoding"):
        content = PATHS.sub(CUT_PATH, content.decode()).encode()
    reason = PATHS.sub(CUT_PATH, seen.reason)
    return replace(told, response=response), replace(seen, reason=reason, content=content)


def _head(told: Recording, seen: Reply) -> Iterator[str]:
    if seen.status != told.status:
        yield f"status {seen.status} instead of {told.status}"
    # What a client says of a connection that ended is its own.
    if told.status and masked(seen.reason) != masked(told.response["reason"]):
        yield f"reason {seen.reason!r} instead of {told.response['reason']!r}"
    for name in HEADERS:
        wanted = [masked(value) for value in told.response["headers"].get(name, [])]
        given = [masked(value) for value in seen.values(name)]
        if given != wanted:
            yield f"{name} {given} instead of {wanted}"


def masked(text: str) -> str:
    """A text without what belongs to the situation."""
    for pattern, name in SAME:
        text = pattern.sub(name, text)
    return text


def _body(told: Recording, seen: Any) -> Iterator[str]:
    if isinstance(told.body, str):
        compressed = bool(told.response["headers"].get("content-encoding"))
        if not isinstance(seen, str) or (not compressed and masked(seen) != masked(told.body)):
            yield f"body {str(seen)[:200]!r} instead of {told.body[:200]!r}"
        return
    if not isinstance(seen, dict):
        yield f"body {str(seen)[:200]!r} instead of an object"
        return
    yield from _fields("body", told.body, seen)
    for key in ("message", "errors", "success", "status"):
        wanted, given = masked(json.dumps(told.body.get(key))), masked(json.dumps(seen.get(key)))
        if wanted != given and json.loads(wanted) != json.loads(given):
            yield f"{key} {given} instead of {wanted}"
    if "data" in told.body and "data" in seen:
        data = _cut(told, seen["data"])
        yield from _data("data", told.body["data"], data, bool(told.cut))


def _cut(told: Recording, data: Any) -> Any:
    """The data without the keys that the recording left out."""
    if not told.cut.startswith("data cut to ") or not isinstance(data, dict):
        return data
    return {key: value for key, value in data.items() if key in told.body["data"]}


def _shape(shape: Any, seen: Any) -> Iterator[str]:
    data = seen.get("data") if isinstance(seen, dict) else None
    if not _has_shape(shape, data):
        yield f"data {str(data)[:200]} is not of the form {shape}"


def _has_shape(shape: Any, seen: Any) -> bool:
    """Whether data have the keys and types; `{"<47 keys>": "int"}` is a map with so many keys."""
    if isinstance(shape, str):
        return any(_has_type(name, seen) for name in shape.split("|"))
    if isinstance(shape, list):
        same = isinstance(seen, list) and bool(shape) == bool(seen)
        return same and all(_has_shape(shape[0], entry) for entry in seen)
    if not isinstance(seen, dict):
        return False
    if len(shape) == 1 and (match := re.fullmatch(r"<(\d+) keys>", next(iter(shape)))):
        (entry,) = shape.values()
        return len(seen) == int(match[1]) and all(_has_shape(entry, v) for v in seen.values())
    return shape.keys() == seen.keys() and all(_has_shape(shape[k], seen[k]) for k in shape)


def _has_type(name: str, seen: Any) -> bool:
    return type(seen).__name__ == ("NoneType" if name == "null" else name)


def _fields(where: str, told: dict[str, Any], seen: dict[str, Any]) -> Iterator[str]:
    """Fields that only one of two objects has."""
    told, seen = ({k: v for k, v in each.items() if k != SOMETIMES} for each in (told, seen))
    if missing := sorted(set(told) - set(seen)):
        yield f"{where} lacks {', '.join(missing)}"
    if more := sorted(set(seen) - set(told)):
        yield f"{where} has {', '.join(more)} in addition"


def _data(where: str, told: Any, seen: Any, cut: bool) -> Iterator[str]:
    if KINDS[type(told)] != KINDS[type(seen)]:
        yield f"{where} is {KINDS[type(seen)]} {seen!r} instead of {KINDS[type(told)]} {told!r}"
    elif isinstance(told, dict):
        yield from _object(where, told, seen, cut)
    elif isinstance(told, list):
        yield from _list(where, told, seen, cut)
    elif isinstance(told, str) and where == "data" and masked(told) != masked(seen):
        yield f"{where} is {seen!r} instead of {told!r}"


def _object(where: str, told: dict[str, Any], seen: dict[str, Any], cut: bool) -> Iterator[str]:
    if not told:
        return  # It was emptied for the recording.
    yield from _fields(where, told, seen)
    for key in (told.keys() & seen.keys()) - {SOMETIMES}:
        number = KINDS[type(seen[key])] == "number" or key.startswith("pressure")
        if told[key] is None and number:
            continue  # A number that the host could not tell.
        yield from _data(f"{where}.{key}", told[key], seen[key], cut)
        plain = not isinstance(told[key], dict | list) and told[key] != HIDDEN
        measured = (told.get("key") if key == "value" else key) in MEASURED
        if not measured and plain and _value(key, told[key]) != _value(key, seen[key]):
            yield f"{where}.{key} is {seen[key]!r} instead of {told[key]!r}"


def _value(key: str, value: object) -> object:
    text = masked(str(value))
    # Perl writes the kinds of content in any order.
    return sorted(text.split(",")) if key == "content" else text


def _list(where: str, told: list[Any], seen: list[Any], cut: bool) -> Iterator[str]:
    if bool(told) != bool(seen):
        yield f"{where} has {len(seen)} entries instead of {len(told)}"
    elif told and isinstance(told[0], dict) and "t" in told[0]:
        yield from _log(where, told, seen, cut)
    elif told and isinstance(told[0], dict):
        yield from _entries(where, told, seen, cut)


def _entries(where: str, told: list[Any], seen: list[Any], cut: bool) -> Iterator[str]:
    """Entries of the same name are alike; one without a counterpart has a form that is there."""
    forms = [_form(entry) for entry in seen]
    for entry in told:
        name = next((name for name in NAMES if name in entry and name in seen[0]), "")
        same = (other for other in seen if name in other and other[name] == entry[name])
        match = next(same, None)
        if match is not None:
            yield from _object(f"{where}[{name} {entry[name]}]", entry, match, cut)
        elif _form(entry) not in forms:
            yield f"{where} has nothing like {entry}"


def _form(entry: Any) -> dict[str, str]:
    return {key: KINDS[type(value)] for key, value in entry.items()}


TOOLS = re.compile(
    r"transferred |Number of |Total |sent |total size|Literal data|Matched data|File list |\t"
    r"|Creating filesystem|Filesystem UUID|Formatting |INFO: Total bytes|INFO: archive file size"
    r"|INFO: first sync|INFO: final sync|INFO: guest is online again|INFO: backup is sparse"
    r"|INFO: transferred|INFO: resuming VM|completed saving the VM state|[\d.]+ [KMGT]?i?B in "
    r"|CFG: size|INFO: creating vzdump archive"
    r"|TIME \d+\+\d+ records|TIME \d+ bytes |TIME Formatting |TIME average migration speed"
    r"|TIME migration completed, |INFO: Finished Backup|INFO: Backup (?:started|finished)"
)
"""Lines of tools, whose numbers are the data's."""
PROGRESS = re.compile(r"transferred|INFO: +\d+% |progress \d+%|mirror-\S+: transferred")
"""Lines that are written again and again while something goes on."""
NUMBER = re.compile(r"\d[\d.,]*")


def _line(text: str) -> str:
    text = masked(text)
    if text.startswith("INFO: starting new backup job: "):
        command, *options = text.split(" --")
        text = " --".join([command, *sorted(options)])  # Perl's hashes have no order.
    if not TOOLS.match(text):
        return text
    return re.sub(r"UUID: .*", "UUID: U", NUMBER.sub("N", re.sub(r"[KMGT]iB", "B", text)))


def _lines(log: list[Any]) -> list[str]:
    """The lines of a log; progress counts once."""
    found: list[str] = []
    for entry in log:
        line = _line(entry["t"])
        if PROGRESS.match(line):
            line = NUMBER.sub("N", re.sub(r"[KMGT]iB", "B", line)).replace(" ", "")
            if line in found:
                continue
        found.append(line)
    return found


def _log(where: str, told: list[Any], seen: list[Any], cut: bool) -> Iterator[str]:
    if _form(told[0]) != _form(seen[0]) or told[0]["n"] != seen[0]["n"]:
        yield f"{where} begins with {seen[0]} instead of {told[0]}"
    wanted, given = _lines(told), _lines(seen)
    if cut:
        given = given[: len(wanted)]
    if given != wanted:
        pairs = zip([*wanted, *[None] * len(given)], [*given, *[None] * len(wanted)], strict=False)
        line = next((n for n, pair in enumerate(pairs) if pair[0] != pair[1]), 0)
        yield f"log line {line + 1}: {given[line:][:3]} instead of {wanted[line:][:3]}"
