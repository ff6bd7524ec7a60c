# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorded requests to a real Proxmox VE 9.2, as what was asked and what it said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.validation import (
    problems,
)
from pvesim.schema import Schema

DATA = Path(__file__).parents[4] / "simulator/data"


@dataclass(frozen=True)
class Asked:
    """A request: ``params`` are those of the form and of the query; ``errors`` those of a 400.

    ``told`` says that the recording has all parameters: it has none of an upload or a JSON body.
    """

    number: int
    method: str
    path: str
    params: Mapping[str, Any]
    status: int
    errors: Mapping[str, str] = field(default_factory=dict)
    told: bool = True

    def problems(self) -> list[str]:
        """What is found to be wrong with it here."""
        return problems(self.method, self.path, self.params)


def recorded() -> Iterator[Asked]:
    """Every recorded request whose call the schema of the API has."""
    for name in ("recordings.jsonl", "recordings2.jsonl"):
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            asked = _asked(json.loads(line))
            if asked is not None:
                yield asked


def _asked(record: Mapping[str, Any]) -> Asked | None:
    request = record.get("request")
    if not request:
        return None
    url = urlsplit(request["path"])
    found = Schema.load().find(request["method"], unquote(url.path.removeprefix("/api2/json")))
    if found is None or found.method.additional_properties:
        return None
    form = request["form"] if isinstance(request["form"], dict) else {}
    body = record["response"]["body"]
    return Asked(
        record["n"],
        found.method.method,
        found.method.template,
        {**dict(parse_qsl(url.query, keep_blank_values=True)), **found.path_params, **form},
        record["response"]["status"],
        (body.get("errors") or {}) if isinstance(body, dict) else {},
        request["form"] is not None or not set(request) & {"rawbody", "multipart"},
    )
