# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of `data/upid_calls.yml` pass the checks of the server as they are sent.

What the tasks do is tested without HTTP, in `world/test_every_task.py`; here the guests that a
call needs may be missing, but no parameter may be refused and every path is simulated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

DATA = Path(__file__).parent / "data"
CALLS = yaml.safe_load((DATA / "upid_calls.yml").read_text(encoding="utf-8"))
WORDS = {
    "OSTEMPLATE": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
    "ARCHIVE_VM": "local:backup/vzdump-qemu-100-2026_01_01-00_00_00.vma",
    "ARCHIVE_CT": "local:backup/vzdump-lxc-200-2026_01_01-00_00_00.tar",
    "x": ":".join(["AA"] * 32),
}
UPLOAD = "storage/local/upload"


def login(simulator: Any) -> dict[str, str]:
    """The headers of root's ticket: some calls are for nobody else, and not for tokens."""
    data = {"username": "root@pam", "password": "Sim-pass-1"}
    told = simulator.request("POST", "/access/ticket", data, auth=None).json()["data"]
    token = told["CSRFPreventionToken"]
    return {"Authorization": f"PVEAuthCookie={told['ticket']}", "CSRFPreventionToken": token}


def send(simulator: Any, ticket: dict[str, str], line: list[Any]) -> Any:
    """The answer to one line of the file."""
    method, path, given, _kind, _ident = line
    params = {key: WORDS.get(value, value) if isinstance(value, str) else value
              for key, value in given.items()}  # fmt: skip
    if path.endswith("/content/VOLUME"):
        path = path.replace("VOLUME", quote(params.pop("volume"), safe=""))
    path = path if path.startswith("/") else f"/nodes/pve1/{path}"
    where = {"params": params} if method in ("GET", "DELETE") else {"json": params}
    return simulator.request(method, path, auth=None, headers=ticket, **where)


def test_no_parameter_is_refused_and_every_path_is_simulated(simulator: Any) -> None:
    refused = {}
    ticket = login(simulator)
    simulator.world.acme_accounts["default"] = {"account": {"status": "valid", "contact": []}}
    simulator.world.realms["corp"] = {"type": "ldap", "sync-defaults-options": "scope=both"}
    for line in CALLS:
        if line[1] == UPLOAD:
            continue
        answer = send(simulator, ticket, line)
        if answer.status_code in (401, 403, 501) or '"errors":' in answer.text:
            refused[f"{line[0]} {line[1]}"] = (answer.status_code, answer.reason, answer.text)
    assert refused == {}
