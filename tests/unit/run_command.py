# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the command of a module with the module's own options and defaults."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Api
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import (
    Context,
    Report,
    attend,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.headline import headline
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.arguments import (
    GUEST_FILTERS_SPEC,
    START_SPEC,
    WAIT_SPEC,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.progress import Sink
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome

COLLECTION = "ansible_collections.upid.proxmox.plugins"
SHARED: Mapping[str, Mapping[str, Any]] = {
    "clone": START_SPEC,
    "cloud_image_template": START_SPEC,
    "container": START_SPEC,
    "drain_node": START_SPEC,
    "fleet": START_SPEC,
    "guest_info": GUEST_FILTERS_SPEC,
    "operation": {**START_SPEC, **GUEST_FILTERS_SPEC},
    "remove_guests": {**START_SPEC, **GUEST_FILTERS_SPEC},
    "snapshot_guests": {**START_SPEC, **GUEST_FILTERS_SPEC},
    "verify_backups": {**START_SPEC, **GUEST_FILTERS_SPEC},
    "wait_task": WAIT_SPEC,
}


def params_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What AnsibleModule would give to the command of this module."""
    module = importlib.import_module(f"{COLLECTION}.modules.{name}")
    spec = {**SHARED.get(name, {}), **module.ARGUMENT_SPEC}
    unknown = set(given) - set(spec)
    assert not unknown, f"{name} has no option {unknown}"
    params = {option: rules.get("default") for option, rules in spec.items()} | dict(given)
    parts = spec.get("guests", {}).get("options")
    if parts and params["guests"] is not None:
        params["guests"] = [dict.fromkeys(parts) | guest for guest in params["guests"]]
    return params


async def run_command(
    module: str,
    api: Api,
    /,
    *,
    check: bool = False,
    stop: asyncio.Event | None = None,
    warned: list[str] | None = None,
    sink: Sink | None = None,
    **given: Any,
) -> Report:
    """The report of a command; ``warned`` collects its warnings, ``sink`` its progress."""
    command = importlib.import_module(f"{COLLECTION}.module_utils._pve.commands.{module}")
    warn = (warned if warned is not None else []).append
    stop = stop or asyncio.Event()
    context = Context(api, params_of(module, given), check, stop, warn, sink=sink)
    report = await attend(command.run, context)
    assert_headline_agrees(report, check=check)
    return report


def assert_headline_agrees(report: Report, *, check: bool) -> None:
    """The counts in the one-line message of every report are those of its summary."""
    line, counts = headline(report, check=check), dict(report.values.get("summary", {}))
    assert "\n" not in line, line
    if "msg" in report.values or not counts.get("total"):
        return
    plain = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)", "", line)  # without the reasons
    if plain.startswith("would "):
        planned = re.findall(r"(\d+) (?:guest|template|target|task|node|storage)s?\b", plain)
        assert sum(map(int, planned)) == counts.pop(report.planned.value), line
    else:
        assert plain.startswith(f"{counts['total']} "), line
    if Outcome.OK.value not in counts:  # guests that were only read
        assert sum(map(int, re.findall(r"[:,] (\d+) ", plain))) == counts["total"], line
        return
    for outcome in Outcome:
        words = {"warnings": "with warnings", "timed_out": "timed out"}.get(outcome, outcome.value)
        found = re.search(rf"(\d+) {words}\b", plain)
        assert int(found[1] if found else 0) == counts.get(outcome.value, 0), line
