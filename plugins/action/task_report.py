# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""task_report: task_info reads the tasks, the controller merges them and writes the report."""

from __future__ import annotations

import contextlib
import time
import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase

from ..module_utils._pve.api.errors import PveError, UsageError
from ..module_utils._pve.edge.arguments import CONNECTION_SPEC, TASK_FILTERS_SPEC
from ..module_utils._pve.edge.printable import printable
from ..module_utils._pve.tasks.history import TaskQuery
from ..plugin_utils._report.collect import Collected, ReadError, collect
from ..plugin_utils._report.folder import Folder
from ..plugin_utils._report.history import matching, read_lines, write_lines, younger_than
from ..plugin_utils._report.html import MissingPlotly
from ..plugin_utils._report.report import Report
from ..plugin_utils._report.writing import Writing, check_formats

Values = dict[str, t.Any]
ARGUMENT_SPEC: dict[str, Values] = {
    "dest": {"type": "path", "required": True},
    "formats": {
        "type": "list",
        "elements": "str",
        "choices": ["html", "json", "csv", "markdown"],
        "default": ["html"],
        "aliases": ["format"],
    },
    "title": {"type": "str", "default": "Proxmox VE tasks"},
    "keep": {"type": "int", "default": 10},
    "retention_days": {"type": "int", "default": 90},
    "limit": {"type": "int", "default": 10000},
    "logs": {"type": "int", "default": 200},
    "log_lines": {"type": "int", "default": 20},
    "mode": {"type": "str", "default": "0600"},
    "nodes": {"type": "list", "elements": "str", "aliases": ["node"]},
    "on_unreachable": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
    **TASK_FILTERS_SPEC,
}
_LOWEST = {"keep": 1, "retention_days": 1, "limit": 1, "logs": 0, "log_lines": 0}
_LISTING = {"nodes", "node", "on_unreachable", *TASK_FILTERS_SPEC}
_SHOWN = ("nodes", *TASK_FILTERS_SPEC)
_DAY = 86400


class ActionModule(ActionBase):
    """The action, as Ansible asks for it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Values | None = None) -> Values:
        """Read, merge, write."""
        result: Values = super().run(tmp, task_vars)
        spec = {**CONNECTION_SPEC, **ARGUMENT_SPEC}
        options = dict(self.validate_argument_spec(spec)[1])
        for name, lowest in _LOWEST.items():
            if options[name] < lowest:
                msg = f"{name}: {options[name]} is less than {lowest}"
                return {**result, "failed": True, "msg": msg}
        try:
            return {**result, **self._report(options, task_vars or {})}
        except (PveError, ReadError, MissingPlotly, OSError) as error:
            return {**result, "failed": True, "msg": printable(str(error))}

    def _report(self, options: Values, variables: Values) -> Values:
        check_formats(options["formats"])
        query = TaskQuery.from_options(options)
        folder = Folder(Path(options["dest"]).absolute(), _mode(options["mode"]))
        now = time.time()
        with contextlib.nullcontext() if self._task.check_mode else folder.locked():
            before = folder.read_history()
            known, broken = read_lines(before)
            found = collect(
                known,
                lambda more: self._ask(more, variables),
                logs=options["logs"],
                log_lines=options["log_lines"],
            )
            tasks = younger_than(found.tasks, now - options["retention_days"] * _DAY)
            selected = matching(tasks.values(), query, options["nodes"] or (), now, found.listed)
            report = Report(
                title=options["title"],
                moment=int(now),
                tasks=selected[: options["limit"]],
                omitted=max(0, len(selected) - options["limit"]),
                unreachable=found.unreachable,
                filters={name: options[name] for name in _SHOWN if options[name] is not None},
                notes=found.notes,
            )
            written = Writing(folder, check=bool(self._task.check_mode))
            written.history(before, write_lines(tasks), broken)
            for name in dict.fromkeys(options["formats"]):
                written.report(report, name, options["keep"])
        for text in [*report.gaps, *written.warnings]:
            self._display.warning(printable(text))
        return {**written.result(), **_figures(report, found)}

    def _ask(self, more: Values, variables: Values) -> Values:
        """The result of task_info, on the host that the task runs on or is delegated to."""
        given = {**self._task.args}
        reading = set(CONNECTION_SPEC) | (set() if "upids" in more else _LISTING)
        answer: Values = self._execute_module(
            module_name="upid.proxmox.task_info",
            module_args={name: given[name] for name in reading & set(given)} | more,
            task_vars=variables,
        )
        if answer.get("failed"):
            raise ReadError(answer.get("msg") or "task_info crashed")
        return answer


def _figures(report: Report, found: Collected) -> Values:
    counts = report.counts
    return {
        "total": len(report.tasks),
        "counts": counts,
        "new": found.fresh,
        "omitted": report.omitted,
        "unreachable_nodes": dict(report.unreachable),
        "requests": found.requests,
        "msg": f"{len(report.tasks)} tasks"
        + "".join(f", {count} {name}" for name, count in counts.items())
        + f"; {found.fresh} are new",
    }


def _mode(text: str) -> int:
    try:
        return int(text, 8) & 0o777
    except ValueError:
        raise UsageError(f"mode: {text!r} is not a file mode such as 0640") from None
