# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls whose task ends OK and changes nothing, from one table: Ceph, disks, ACME."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pvesim.calls import Call, Download, Handler, call
from pvesim.guests import guest_of
from pvesim.worker import Worker
from pvesim.world import World

TABLE = Path(__file__).parents[1] / "data" / "effectless_tasks.yml"
PLACEHOLDER = re.compile(r"\{([\w-]+)(\|base)?\}")


@dataclass(frozen=True)
class Effectless:
    """One line of the table; its fields are described there."""

    type: str
    id: str
    when: str | None = None
    other: str | None = None
    default: Mapping[str, str] = field(default_factory=dict)
    returns: str = "upid"

    def task_type(self, params: Mapping[str, Any]) -> str:
        """The type of the task for these parameters."""
        if self.when is not None and self.other is not None and not params.get(self.when):
            return self.other
        return self.type


def read_table() -> dict[tuple[str, str], Effectless]:
    """The table, by method and path template."""
    table: dict[tuple[str, str], Effectless] = {}
    for line in yaml.safe_load(TABLE.read_text(encoding="utf-8")):
        method, _unused, template = line.pop("call").partition(" ")
        table[method, template] = Effectless(**{("other" if k == "else" else k): v
                                                for k, v in line.items()})  # fmt: skip
    return table


def _filled(text: str, values: Mapping[str, Any]) -> str:
    """A text with its placeholders filled in."""

    def fill(match: re.Match[str]) -> str:
        value = str(values[match[1]])
        return value.rpartition("/")[2] if match[2] else value

    return PLACEHOLDER.sub(fill, text)


def _handler(entry: Effectless) -> Handler:
    """The handler of one line."""

    async def start(world: World, call: Call) -> Any:
        if "{vmid}" in call.template:
            guest_of(world, call)
        values = {**entry.default, **call.params, "node": call.node, "user": call.caller.userid}
        ident = _filled(entry.id, values)
        task_type = entry.task_type(call.params)
        upid = world.tasks.start(call.node, call.caller.authid, task_type, ident, _work)
        if entry.returns == "stream_but_forks":
            name = str(call.params["filepath"]).rpartition("/")[2]
            return Download("", name)
        return upid

    return start


async def _work(worker: Worker) -> None:
    await worker.work()


for (_method, _template), _entry in read_table().items():
    call(_method, _template)(_handler(_entry))
