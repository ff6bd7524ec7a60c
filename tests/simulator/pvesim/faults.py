# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the network and of things in front of the server, set by tests.

`drop` closes the connection without an answer, `reset` with a TCP reset, `delay` waits, `status`
answers with a status and an empty body, or with the JSON of an error when it has a `message`,
`html` as a reverse proxy would, `truncate` ends the connection in the middle of the body.
`before` keeps the call from being made, `after` lets it be made and loses or changes its answer.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

ACTIONS = ("drop", "delay", "status", "reset", "truncate", "html")
DEFAULT_STATUS = {"status": 595, "html": 502, "truncate": 200}
DEFAULT_SECONDS = {"delay": 1.0}


@dataclass
class Fault:
    """One fault: `path` is a glob on the path without `/api2/json`, in which `*` takes slashes.

    `node` is the node whose address was asked. `count` None means until it is removed;
    `seconds` is how long it waits first.
    """

    action: str
    when: str = ""
    method: str | None = None
    path: str = "*"
    node: str | None = None
    count: int | None = None
    probability: float = 1.0
    seconds: float = -1.0
    status: int = 0
    reason: str | None = None
    message: str | None = None
    id: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"action is {self.action!r}, not one of {', '.join(ACTIONS)}, task")
        self.when = self.when or ("after" if self.action == "truncate" else "before")
        if self.when not in ("before", "after"):
            raise ValueError(f"when is {self.when!r}, neither before nor after")
        self.status = self.status or DEFAULT_STATUS.get(self.action, 0)
        if self.seconds < 0:
            self.seconds = DEFAULT_SECONDS.get(self.action, 0.0)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fault:
        """The fault that a test requests; raises ValueError naming what is wrong."""
        known = {field.name for field in fields(cls)} - {"id"}
        if unknown := set(document) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        return cls(**document)

    @property
    def reason_phrase(self) -> str:
        """The reason given, or the usual one of the status."""
        given = self.reason or self.message
        if given is not None:
            return given.split("\n", 1)[0]
        if self.status >= 595:
            return "Connection timed out" if self.status in (595, 596) else "Broken pipe"
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"

    def matches(self, when: str, method: str, path: str, node: str) -> bool:
        """Whether it is meant for this request, now."""
        return (
            self.when == when
            and self.count != 0
            and self.method in (None, method)
            and self.node in (None, node)
            and fnmatchcase(path, self.path)
        )


class Faults:
    """The faults that are set, and the dice."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ids = itertools.count(1)
        self._faults: list[Fault] = []

    def add(self, document: Mapping[str, Any]) -> int:
        """Set a fault and return its id."""
        fault = Fault.from_json(document)
        fault.id = next(self._ids)
        self._faults.append(fault)
        return fault.id

    def next_id(self) -> int:
        """An id for a fault that is kept elsewhere."""
        return next(self._ids)

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def struck(self, when: str, method: str, path: str, node: str) -> Iterator[Fault]:
        """The faults that strike this request now: delays, and the first of the others.

        They come in the order in which they were set; what comes later is not used up.
        """
        for fault in self._faults:
            if fault.matches(when, method, path, node) and self._strikes(fault):
                yield fault
                if fault.action != "delay":
                    return

    def _strikes(self, fault: Fault) -> bool:
        if self._random.random() >= fault.probability:
            return False
        if fault.count is not None:
            fault.count -= 1
        return True
