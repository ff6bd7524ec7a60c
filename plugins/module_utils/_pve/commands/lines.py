# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a diff: what a guest has before, and what it has after."""

from __future__ import annotations

import typing as t

from ..guests.config import SECRETS

if t.TYPE_CHECKING:
    from ..guests.config import Configuration

Lines = tuple[list[str], list[str]]

_MASK = "********"


def change_lines(current: Configuration, params: t.Mapping[str, t.Any]) -> Lines:
    """The options that the parameters of a change delete and set, without secrets."""
    before, after = [], []
    for name in filter(None, str(params.get("delete") or "").split(",")):
        before.append(f"{name}: {_shown(name, current.after_restart(name))}")
    for name, value in sorted(params.items()):
        if name == "delete":
            continue
        have = current.after_restart(name)
        if have is not None:
            before.append(f"{name}: {_shown(name, have)}")
        after.append(f"{name}: {_shown(name, value)}")
    return before, after


def shown_params(params: t.Mapping[str, t.Any]) -> list[tuple[str, t.Any]]:
    """The parameters by their names, without secrets."""
    return [(name, _shown(name, value)) for name, value in sorted(params.items())]


def growth_lines(current: Configuration, disk: str, size: str) -> Lines:
    """A disk that grows to this size."""
    return [f"{disk}: {current.values[disk]}"], [f"{disk}: {size}"]


def together(lines: t.Sequence[Lines]) -> Lines:
    """The lines of all guests."""
    return (
        [line for before, _after in lines for line in before],
        [line for _before, after in lines for line in after],
    )


def title_with(title: str, lines: t.Iterable[str]) -> list[str]:
    """The lines of a guest under its title."""
    return [title, *(f"  {line}" for line in lines)]


def _shown(name: str, value: object) -> object:
    return _MASK if name in SECRETS else value
