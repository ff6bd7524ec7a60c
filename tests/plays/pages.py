# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation of plugins, in READMEs and in guides."""

from __future__ import annotations

import importlib
import itertools
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COLLECTION = "ansible_collections.upid.proxmox"
GUIDES = ("guide_access", "guide_bulk", "guide_fleet", "guide_report", "guide_tasks")
WITH_COMMANDS = ("README.md", "guide_playbooks", "guide_simulator")
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
JOBS = "docs/docsite/rst/guide_jobs.rst"
_HEADING = re.compile(r"^(.+)\n(-{3,}|~{3,})$", re.MULTILINE)
_BLOCK = re.compile(r"^\.\. code-block:: (\S+)\n\n((?:    .*\n|\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """The examples of one page: plays, tasks, and variables of the role that the page is about."""

    name: str
    entries: list[Any]
    blocks: tuple[list[Any], ...] = ()
    """The entries that stand together, where the page says so."""

    def split(self, apart: bool) -> list[Page]:
        """Itself, or a page for each of its blocks, which are its entries where it has none."""
        blocks = self.blocks or [[entry] for entry in self.entries]
        return [Page(self.name, block) for block in blocks] if apart else [self]

    def task_names(self) -> list[str]:
        """The names of the tasks in the examples."""
        return [name for entry in self.entries for name in _names(entry)]

    def plays(self) -> list[dict[str, Any]]:
        """The entries as plays; tasks in a row share one."""
        plays: list[dict[str, Any]] = []
        tasks: list[Any] = []
        for entry in self.entries:
            if "hosts" in entry:
                plays.append(entry)
                tasks = []
                continue
            if not tasks:
                plays.append({"hosts": "localhost", "gather_facts": False, "tasks": tasks})
            tasks.append(entry if "name" in entry else self._role(entry))
        return plays

    def _role(self, variables: dict[str, Any]) -> dict[str, Any]:
        """A task that uses the role with variables that the page shows."""
        role = Path(self.name).parent.name
        include = {"name": f"upid.proxmox.{role}"}
        return {"name": "Use it", "ansible.builtin.include_role": include, "vars": variables}


@dataclass(frozen=True)
class Job:
    """A job of the guide that sets this collection beside community.proxmox."""

    group: str
    title: str
    theirs: list[Any]
    ours: list[Any]


def pages() -> list[Page]:
    """Every page that has examples in YAML; the guide of the jobs is a page for each group."""
    found = [*_plugins(), *_readmes(), *_guides(), *of_groups("ours")]
    return sorted(found, key=lambda page: page.name)


def jobs() -> list[Job]:
    """The jobs that are written out for both collections, in the order of their guide."""
    path = ROOT / JOBS
    _before, *parts = _HEADING.split(path.read_text())
    found, group = [], ""
    for title, line, text in zip(*[iter(parts)] * 3, strict=True):
        if line.startswith("-"):
            group = title
            continue
        both = [yaml.safe_load(textwrap.dedent(block)) for _kind, block in _BLOCK.findall(text)]
        found.append(Job(group, title, *both))
    return found


def of_groups(side: str) -> Iterator[Page]:
    """A page for each group of jobs, with the examples of one side: ``theirs`` or ``ours``."""
    for group, members in itertools.groupby(jobs(), key=lambda job: job.group):
        entries = [entry for job in members for entry in getattr(job, side)]
        yield Page(f"{JOBS}: {group}", entries)


def commands() -> dict[str, list[list[str]]]:
    """The commands of Ansible that pages show, by page."""
    found = {}
    for name in WITH_COMMANDS:
        path = ROOT / (name if name == "README.md" else f"docs/docsite/rst/{name}.rst")
        lines = [
            line for kind, text in blocks(path) if kind == "shell" for line in text.split("\n")
        ]
        found[_name(path)] = [
            shlex.split(line, comments=True)
            for line in lines
            if line.startswith(("ansible ", "ansible-playbook "))
        ]
    return found


def _plugins() -> Iterator[Page]:
    for face in ("modules", "lookup", "filter"):
        for path in (ROOT / "plugins" / face).glob("[!_]*.py"):
            source = importlib.import_module(f"{COLLECTION}.plugins.{face}.{path.stem}")
            yield Page(f"{face}/{path.stem}", yaml.safe_load(source.EXAMPLES))


def _readmes() -> Iterator[Page]:
    for path in (ROOT / "README.md", *ROOT.glob("roles/*/README.md")):
        yield _page(path, "yaml")


def _guides() -> Iterator[Page]:
    for guide in GUIDES:
        yield _page(ROOT / f"docs/docsite/rst/{guide}.rst", "yaml+jinja")


def _page(path: Path, wanted: str) -> Page:
    parsed = [yaml.safe_load(text) for kind, text in blocks(path) if kind == wanted]
    entries = [block if isinstance(block, list) else [block] for block in parsed]
    return Page(_name(path), [entry for block in entries for entry in block], tuple(entries))


def blocks(path: Path) -> list[tuple[str, str]]:
    """The blocks of code on a page, each with its language."""
    pattern = _BLOCK if path.suffix == ".rst" else _FENCED
    return [(kind, textwrap.dedent(text)) for kind, text in pattern.findall(path.read_text())]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _names(entry: dict[str, Any]) -> Iterator[str]:
    nested = [task for key in ("tasks", "block") for task in entry.get(key) or ()]
    for task in nested:
        yield from _names(task)
    if "name" in entry and not nested and "hosts" not in entry:
        yield entry["name"]
