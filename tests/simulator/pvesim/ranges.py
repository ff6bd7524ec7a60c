# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""World files of large clusters: one entry that stands for many.

`pve{1..20}` as the name of a node, `1000..2999` as the VMID of a guest and `count` in a task of
the past make many of one. Where an entry that is repeated holds a list for a single value (node,
status, type, id, exitstatus ...), the values take turns; `{n}` in its texts is the number of the
repetition, counted from the start of the range, or from 0 for tasks, and `{n%20+1}` goes round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

NAMES = re.compile(r"(?P<head>.*)\{(?P<first>\d+)\.\.(?P<last>\d+)\}(?P<tail>.*)")
VMIDS = re.compile(r"(?P<first>\d+)\.\.(?P<last>\d+)")
NUMBER = re.compile(r"\{n(?:%(?P<modulus>\d+))?(?:\+(?P<plus>\d+))?\}")
LISTS = {"log", "bridges", "updates", "snapshots", "config"}
"""Values that are lists or maps by themselves, and so do not take turns."""


def expand(data: Mapping[str, Any]) -> dict[str, Any]:
    """The world with every entry that stands for many written out."""
    result = dict(data)
    result["nodes"] = dict(_nodes(data.get("nodes") or {}))
    result["guests"] = dict(_guests(data.get("guests") or {}))
    result["tasks"] = list(_tasks(data.get("tasks") or ()))
    return result


def names(text: str) -> list[str]:
    """`pve{1..3}` as pve1, pve2, pve3; any other text as it is."""
    match = NAMES.fullmatch(text)
    if match is None:
        return [text]
    numbers = range(int(match["first"]), int(match["last"]) + 1)
    return [f"{match['head']}{number}{match['tail']}" for number in numbers]


def _nodes(nodes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for pattern, node in nodes.items():
        for name in names(str(pattern)):
            yield name, node


def _guests(guests: Mapping[Any, Any]) -> Iterator[tuple[int, Any]]:
    for key, guest in guests.items():
        match = VMIDS.fullmatch(str(key))
        if match is None:
            yield int(key), guest
            continue
        first, last = int(match["first"]), int(match["last"])
        entry = _Repeated(guest)
        for number, vmid in enumerate(range(first, last + 1)):
            yield vmid, entry.instance(number, vmid)


def _tasks(tasks: Any) -> Iterator[dict[str, Any]]:
    """A task with `count` goes back in time, one every `every` seconds before `ago`."""
    for task in tasks:
        if "count" not in task:
            yield task
            continue
        count, every = int(task["count"]), float(task.get("every", 60))
        entry = _Repeated({k: v for k, v in task.items() if k not in ("count", "every")})
        for number in range(count):
            instance = entry.instance(number, number)
            yield instance | {"ago": float(task["ago"]) + number * every}


class _Repeated:
    """An entry that is repeated: what never changes is shared by all instances."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self._makers = {key: _maker(key, value) for key, value in entry.items()}

    def instance(self, number: int, name: int) -> dict[str, Any]:
        """The `number`th instance, in whose texts `{n}` is `name`."""
        return {key: make(number, name) for key, make in self._makers.items()}


def _maker(key: str, value: Any) -> Callable[[int, int], Any]:
    """What gives the value of each instance."""
    if isinstance(value, str) and NAMES.fullmatch(value):
        value = names(value)
    if isinstance(value, list) and key not in LISTS:
        makers = [_maker(key, choice) for choice in value]
        return lambda number, name: makers[number % len(makers)](number, name)
    if isinstance(value, dict):
        parts = {part: _maker("config", inner) for part, inner in value.items()}
        return lambda number, name: {part: make(number, name) for part, make in parts.items()}
    if isinstance(value, str) and NUMBER.search(value):
        return lambda _number, name: NUMBER.sub(lambda match: _number_of(match, name), value)
    return lambda _number, _name: value


def _number_of(match: re.Match[str], name: int) -> str:
    number = name % int(match["modulus"]) if match["modulus"] else name
    return str(number + int(match["plus"] or 0))
