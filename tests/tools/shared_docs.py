# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what the documentation of several modules says alike into each of them, when it is run.

Documentation fragments cannot do it: they know neither RETURN nor suboptions. Three things are
written, and only where a module has them already:

- return values that ``shared_docs.yml`` holds; the sample stays the module's own,
- suboptions of ``guests`` that are options at the top level as well, from those,
- the catalogue of operations, between comments that say so.

A unit test says which module to renew, so ``make unit`` fails where somebody edits a copy.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.operation.listing import (
    LIST,
    catalogue,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import (
    OPERATIONS,
)

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_suffix(".yml")
FILES = [*sorted(ROOT.glob("plugins/modules/*.py")), ROOT / "plugins/lookup/task_history.py"]
# Suboptions and return values that mean something else than those of the same name.
OWN = {
    "container": {"guests.ostemplate"},
    "reboot_node": {".diff"},
    "task_info": {"tasks.log"},
    "task_history": {"_raw.log"},
}
WIDTH = 100
AT_THE_TOP = "At the top level"

Lines = list[str]
Entries = dict[str, Lines]


def main() -> None:
    """Renew all files."""
    for file in FILES:
        file.write_text(renewed(file))


def renewed(file: Path) -> str:
    """The text of a module with all that is shared as it is to be."""
    text, own = file.read_text(), OWN.get(file.stem, set())
    text = _between(text, "operations", _operations())
    text = _between(text, "choices", [f"- {one}" for one in (LIST, *OPERATIONS)])
    text = _in_block(text, "DOCUMENTATION", lambda lines: _documentation(lines, own))
    return _in_block(text, "RETURN", lambda lines: _returns(lines, own))


def _between(text: str, name: str, lines: Lines) -> str:
    """The text with these lines between the comments of this name, at their margin."""

    def changed(match: re.Match[str]) -> str:
        margin = match["margin"]
        return "".join([match["head"], *(f"{margin}{line}\n" for line in lines), match["tail"]])

    block = rf"(?P<head>^(?P<margin> *)# {name}\n).*?(?P<tail>^ *# end of {name}\n)"
    return re.sub(block, changed, text, count=1, flags=re.MULTILINE | re.DOTALL)


def _operations() -> Lines:
    """A paragraph for each operation: what it is for, what it requires, and who may do it."""
    bullet = textwrap.TextWrapper(
        WIDTH - 6,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line for one in catalogue() for line in bullet.wrap(_paragraph(one))]


def _paragraph(one: Mapping[str, Any]) -> str:
    needed = [f"C({name})" for name in one["required"]]
    text = f"V({one['name']}) is for {one['about']}"
    if needed:
        text += f" and requires {' and '.join(filter(None, [', '.join(needed[:-1]), needed[-1]]))}"
    text += f". It needs {_privileges(one['privileges'])}."
    if one["destructive"] == "always":
        return f"{text} Destructive."
    if one["destructive"] != "never":
        names = one["destructive"].removeprefix("with ").split(", ")
        return f"{text} Destructive with some values of {' or '.join(f'C({n})' for n in names)}."
    return text


def _privileges(text: str) -> str:
    """The privileges with their paths as Ansible marks what is typed."""
    parts = [re.sub(r"(\w+(?:\.[\w*]+)+|/[^\s,]*)", r"C(\1)", part) for part in text.split("; ")]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _in_block(text: str, name: str, change: Callable[[Lines], Lines]) -> str:
    """The text with the YAML of one of Ansible's three blocks changed."""

    def changed(match: re.Match[str]) -> str:
        lines = change(match["yaml"].splitlines())
        return "\n".join([match["head"], *lines, match["tail"]])

    block = rf'(?P<head>^{name} = r""")\n(?P<yaml>.*?)\n(?P<tail>""")'
    return re.sub(block, changed, text, count=1, flags=re.MULTILINE | re.DOTALL)


def _returns(lines: Lines, own: set[str]) -> Lines:
    shared, values = sections(), split(lines)
    tasks = next((name for name in ("tasks", "_raw") if name in values), None)
    if tasks:
        lines = _below(lines, (tasks, "contains"), _fields(shared["task"], tasks, own))
    for name in ("guests", "leftovers"):
        lines = _below(lines, (name, "contains"), _fields(shared["guest"], name, own))
    if tasks and "guests" in values:
        lines = _below(lines, ("guests", "contains"), _fields(shared["changed"], "guests", own))
    if tasks:
        counted = "summary of guests" if "guests" in values else "summary of tasks"
        lines = _fields({"summary": shared[counted]["summary"]}, "", own)(lines)
    return _fields(shared["all"], "", own)(lines)


def _documentation(lines: Lines, own: set[str]) -> Lines:
    options = split(split(lines)["options"][1:])
    path = ("options", "guests", "suboptions")
    return _below(lines, path, lambda body: _suboptions(body, options, own))


def _suboptions(body: Lines, options: Entries, own: set[str]) -> Lines:
    suboptions = split(body)
    for name in suboptions.keys() & options.keys():
        if f"guests.{name}" not in own:
            suboptions[name] = _as_suboption(options[name], suboptions[name])
    return join(suboptions)


def _as_suboption(option: Lines, before: Lines) -> Lines:
    """An option as the suboption of the same name, which has neither a default nor to be there."""
    margin = " " * (_indent(before) + 2)
    keys = split(_moved(option[1:], margin))
    kept = {name: one for name, one in keys.items() if name not in ("required", "default")}
    kept["description"] = [f"{margin}description:", *_wrapped(kept["description"], margin)]
    return [before[0], *join(kept)]


def _wrapped(description: Lines, margin: str) -> Lines:
    """The paragraphs of a description at another margin, but for those about the top level."""
    paragraphs: list[str] = []
    for line in (line.strip() for line in description[1:]):
        if line.startswith("- "):
            paragraphs.append(line[2:])
        else:
            paragraphs[-1] += f" {line}"
    bullet = textwrap.TextWrapper(
        WIDTH,
        initial_indent=f"{margin}  - ",
        subsequent_indent=f"{margin}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    wanted = (one for one in paragraphs if not one.startswith(AT_THE_TOP))
    return [line for paragraph in wanted for line in bullet.wrap(paragraph)]


def sections() -> dict[str, Entries]:
    """What is shared, by section and name."""
    lines = [line for line in SOURCE.read_text().splitlines() if line and line[0] != "#"]
    return {name: split(section[1:]) for name, section in split(lines).items()}


def _fields(shared: Entries, place: str, own: set[str]) -> Callable[[Lines], Lines]:
    """A change that puts shared entries in the place of those of the same name."""

    def changed(body: Lines) -> Lines:
        entries = split(body)
        for name in entries.keys() & shared.keys():
            if f"{place}.{name}" not in own:
                entries[name] = _with_sample(shared[name], entries[name])
        return join(entries)

    return changed


def _with_sample(shared: Lines, before: Lines) -> Lines:
    """A shared entry at the place of another one, whose sample it keeps."""
    moved = split(_moved(shared[1:], " " * (_indent(before) + 2)))
    sample = split(before[1:]).get("sample")
    return [before[0], *join({**moved, **({"sample": sample} if sample else {})})]


def _below(lines: Lines, path: tuple[str, ...], change: Callable[[Lines], Lines]) -> Lines:
    """The lines of a mapping with the one at this path changed, if there is one."""
    if not path:
        return change(lines)
    entries = split(lines)
    if path[0] in entries:
        head, *body = entries[path[0]]
        entries[path[0]] = [head, *_below(body, path[1:], change)]
    return join(entries)


def split(lines: Lines) -> Entries:
    """The entries of a YAML mapping in block style, each with the line of its key."""
    entries: Entries = {}
    margin = " " * _indent(lines)
    for line in lines:
        key = re.match(rf"{margin}(\w[\w ]*):", line)
        if key:
            entries[key[1]] = [line]
        else:
            entries[next(reversed(entries))].append(line)
    return entries


def join(entries: Entries) -> Lines:
    """The lines of a mapping."""
    return [line for lines in entries.values() for line in lines]


def _moved(lines: Lines, margin: str) -> Lines:
    return textwrap.indent(textwrap.dedent("\n".join(lines)), margin).splitlines()


def _indent(lines: Iterable[str]) -> int:
    line = next(iter(lines), "")
    return len(line) - len(line.lstrip())


if __name__ == "__main__":
    main()
