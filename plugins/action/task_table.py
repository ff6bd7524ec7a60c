# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""task_table: shows tasks as a table on the terminal."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible import constants
from ansible.plugins.action import ActionBase

from ..module_utils._pve.commands.headline import counted
from ..module_utils._pve.edge.printable import printable
from ..module_utils._pve.tasks.state_file import replace_file
from ..plugin_utils._table import NARROWEST, WIDTH, Line, in_words, table

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "tasks": {"type": "list", "elements": "dict", "required": True},
    "show": {"type": "list", "elements": "str", "choices": ["upid"], "default": []},
    "format": {"type": "str", "choices": ["table", "json"], "default": "table"},
    "dest": {"type": "path"},
    "width": {"type": "int", "default": WIDTH},
    "more": {"type": "int", "default": 0},
}
# What Ansible calls the colours of outcomes; those of the user are in its configuration.
_COLORS = {
    "ok": "COLOR_OK",
    "unchanged": "COLOR_OK",
    "warnings": "COLOR_WARN",
    "failed": "COLOR_ERROR",
    "timed_out": "COLOR_ERROR",
    "lost": "COLOR_ERROR",
    "cancelled": "COLOR_CHANGED",
}
# Callbacks whose output is read by programs, or that show a result as a whole.
_SILENT = ("json", "jsonl", "minimal", "oneline", "null", "selective")


class _Refused(Exception):
    """What is wrong with the options."""


class ActionModule(ActionBase):
    """The action, as Ansible asks for it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        """Print the lines, and return them."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        try:
            return {**result, **self._show(options)}
        except _Refused as error:
            return {**result, "failed": True, "msg": printable(str(error))}

    def _show(self, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        if options["width"] < NARROWEST:
            raise _Refused(f"width: {options['width']} is less than {NARROWEST}")
        lines = self._lines(options)
        texts = [line.text for line in lines]
        changed = False
        if options["dest"] is not None:
            changed = self._write(Path(options["dest"]), "".join(f"{text}\n" for text in texts))
            lines = [Line(f"{counted(len(options['tasks']), 'tasks')} in {options['dest']}")]
        if constants.DEFAULT_STDOUT_CALLBACK.rpartition(".")[2] not in _SILENT:
            for line in lines:
                self._display.display(line.text, color=_color(line))
        words = in_words(options["tasks"], options["more"])
        return {"changed": changed, "lines": texts, "msg": printable(words)}

    def _write(self, dest: Path, text: str) -> bool:
        """Whether the file changed; it is replaced as a whole, and only its owner can read it."""
        try:
            if dest.is_file() and dest.read_text(encoding="utf-8") == text:
                return False
            if not self._task.check_mode:
                replace_file(dest.absolute(), text.encode(), 0o600)
        except (OSError, UnicodeError) as error:
            raise _Refused(f"dest: {error}") from error
        return True

    @staticmethod
    def _lines(options: t.Mapping[str, t.Any]) -> list[Line]:
        tasks = [printable(task) for task in options["tasks"]]
        if options["format"] == "json":
            return [Line(json.dumps({"tasks": tasks, "more": options["more"]}))]
        try:
            return table(tasks, show=options["show"], width=options["width"], more=options["more"])
        except KeyError as error:
            raise _Refused(f"tasks: one has no {error}") from error


def _color(line: Line) -> str | None:
    name = _COLORS.get(line.outcome)
    return getattr(constants, name) if name else None
