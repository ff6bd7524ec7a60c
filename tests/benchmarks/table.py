# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = {
    "wall_s": "wall s",
    "requests": "requests",
    "connections": "connections",
    "cpu_s": "CPU s",
    "rss_mb": "MB",
}
_WIDTH = 36


def table(figures: Mapping[str, Any]) -> str:
    """One line for each client, and lines for the single figures."""
    heading = " " * _WIDTH + "".join(f"{name:>13}" for name in COLUMNS.values())
    return "\n".join([heading, *_lines(figures, ())])


def _lines(figures: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    if set(COLUMNS) <= set(figures):
        cells = "".join(f"{figures[column]:>13}" for column in COLUMNS)
        more = [f"{name}={value}" for name, value in figures.items() if name not in COLUMNS]
        yield f"{' '.join(above):{_WIDTH}}{cells}   {' '.join(more)}".rstrip()
        return
    single = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    if single:
        text = ", ".join(f"{name} {value}" for name, value in single.items())
        yield f"{' '.join(above):{_WIDTH}}{text}"
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*above, name))
