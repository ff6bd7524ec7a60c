# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the history and the reports, and nothing that is already there."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .html import as_html, plotly
from .texts import as_csv, as_json, as_markdown

if t.TYPE_CHECKING:
    from .folder import Folder
    from .history import Values
    from .report import Report

# By the value of the option ``formats``: the ending of the file, and what writes it.
_WRITERS: dict[str, tuple[str, t.Callable[[Report], bytes]]] = {
    "html": ("html", as_html),
    "json": ("json", as_json),
    "csv": ("csv", as_csv),
    "markdown": ("md", as_markdown),
}


def check_formats(names: t.Collection[str]) -> None:
    """MissingPlotly if one of the formats cannot be written here."""
    if "html" in names:
        plotly()


class Writing:
    """What one run writes into its folder; with ``check`` what it would write."""

    def __init__(self, folder: Folder, *, check: bool) -> None:
        self._folder = folder
        self._check = check
        self._changed = False
        self._reports: dict[str, str] = {}
        self._removed: list[str] = []
        self.warnings: list[str] = []

    def history(self, before: bytes, after: bytes, broken: int) -> None:
        """Replace the history if it differs; ``broken`` lines of it could not be read."""
        if broken:
            kept = (
                "" if self._check else f"; the file as it was is {self._folder.set_aside(before)}"
            )
            self.warnings.append(
                f"{broken} lines of {self._folder.history} are no tasks and were left out{kept}"
            )
        if before != after:
            self._changed = True
            if not self._check:
                self._folder.write_history(after)

    def report(self, report: Report, name: str, keep: int) -> None:
        """Write the report in this format, unless the newest one already says the same."""
        suffix, write = _WRITERS[name]
        newest = self._folder.newest(suffix)
        if newest is not None:
            path, moment = newest
            if path.read_bytes() == write(replace(report, moment=moment)):
                self._reports[name] = str(path)
                return
        self._changed = True
        if not self._check:
            self._reports[name] = str(
                self._folder.write_report(suffix, report.moment, write(report))
            )
            self._removed += map(str, self._folder.remove_old(suffix, keep))

    def result(self) -> Values:
        """The paths, as the module returns them."""
        return {
            "changed": self._changed,
            "reports": self._reports,
            "removed": self._removed,
            "history": str(self._folder.history),
        }
