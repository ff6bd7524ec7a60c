# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selects guests by pool, tags, node, type, status and name."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass, replace

from .cluster import split_tags

if t.TYPE_CHECKING:
    from .cluster import Guest

# Among nodes: every one.
EVERY = "all"


@dataclass(frozen=True)
class Selector:
    """The conditions for a guest; None or empty is no condition.

    It must have all ``tags``, and match one of ``nodes`` and of ``names`` (shell patterns).
    ``templates`` says whether to include templates.
    """

    pool: str | None = None
    tags: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    type: str | None = None
    status: str | None = None
    names: tuple[str, ...] = ()
    templates: bool = True

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any], *, templates: bool = True) -> Selector:
        """Read the options of the fragment guest_filters."""
        return cls(
            params["pool"],
            split_tags(params["tags"]),
            tuple(params["nodes"] or ()),
            params["type"],
            params["status"],
            tuple(params["name"] or ()),
            templates,
        )

    @property
    def is_set(self) -> bool:
        """Whether there is any condition; ``all`` nodes, being explicit, count as one."""
        return self != Selector(templates=self.templates)

    def fits(self, guest: Guest) -> bool:
        """Whether a guest is selected."""
        return (
            self.pool in (None, guest.pool)
            and set(self.tags) <= set(guest.tags)
            and (not self.nodes or EVERY in self.nodes or guest.node in self.nodes)
            and self.type in (None, guest.type)
            and self.status in (None, guest.status)
            and (not self.names or any(_like(guest.name, pattern) for pattern in self.names))
            and (self.templates or not guest.template)
        )

    def probably_fits(self, guest: Guest) -> bool:
        """Whether a guest may be selected, given only what its node reported some time ago.

        Its state may have changed; the name is the last known one.
        """
        return replace(self, status=None).fits(replace(guest, name=guest.name or guest.hint))

    @property
    def title(self) -> str:
        """``pool web, tags new prod``."""
        parts = [
            ("pool", (self.pool,)),
            ("tag", self.tags),
            ("node", self.nodes),
            ("type", (self.type,)),
            ("status", (self.status,)),
            ("name", self.names),
        ]
        words = ((name, [value for value in values if value]) for name, values in parts)
        return ", ".join(
            f"{name}{'s' if len(values) > 1 else ''} {' '.join(values)}"
            for name, values in words
            if values
        )


def _like(name: str | None, pattern: str) -> bool:
    return name is not None and fnmatch.fnmatchcase(name, pattern)
