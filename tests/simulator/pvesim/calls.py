# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of the API calls that the simulated cluster answers.

A handler is registered under its method and its path template, as the API schema writes it
(`/nodes/{node}/qemu/{vmid}/clone`), and returns what goes under `data`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World


@dataclass(frozen=True)
class Caller:
    """Who asks.

    `userid` is `user@realm`, `tokenid` the name of the API token or None for a ticket;
    `may(path, privilege)` says what this caller is allowed to do.
    """

    userid: str
    tokenid: str | None
    may: Callable[[str, str], bool]

    @property
    def authid(self) -> str:
        """The identity that tasks carry: `user@realm` or `user@realm!token`."""
        return f"{self.userid}!{self.tokenid}" if self.tokenid else self.userid


@dataclass(frozen=True)
class Call:
    """One call: `params` holds path, query and body together, in the types of the schema.

    A parameter that was not given is absent; booleans are 0 or 1. `node` is the node that runs
    the call: the one in the path, else the one that was asked.
    """

    method: str
    template: str
    params: Mapping[str, Any]
    caller: Caller
    node: str
    by_ha: bool = False
    """Whether HA makes it, which then is not asked again."""


class CallError(Exception):
    """An answer that is not 200: `status`, `message` (the reason) and errors by parameter."""

    def __init__(self, status: int, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def parameter_error(**errors: str) -> CallError:
    """The error of a parameter that the handler itself refuses, as the schema check words it."""
    return CallError(400, "Parameter verification failed.", errors)


@dataclass(frozen=True)
class Listing:
    """An answer with `total` beside `data`; Proxmox VE leaves a total of 0 out.

    `changes` says what was changed and not applied yet.
    """

    data: Any
    total: int = 0
    changes: str = ""


@dataclass(frozen=True)
class Download:
    """An answer that is a text file and no JSON."""

    text: str
    filename: str


Handler = Callable[["World", Call], Awaitable[Any]]

CALLS: dict[tuple[str, str], Handler] = {}


def call(method: str, template: str) -> Callable[[Handler], Handler]:
    """Register the decorated handler for `method` on `template`."""

    def register(handler: Handler) -> Handler:
        key = (method, template)
        if key in CALLS:
            raise ValueError(f"{method} {template} is registered twice")
        CALLS[key] = handler
        return handler

    return register
