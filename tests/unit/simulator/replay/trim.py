# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the data file of the second series: `python trim.py < RECORDED > recordings2.jsonl`.

What the comparison does not need is left out; a measurement keeps its number and its name.
"""

from __future__ import annotations

import json
import sys
from typing import Any

HEADERS = ("connection", "content-type", "content-encoding", "content-disposition")
UNUSED = ("shape", "task_seconds", "topic", "measurement")
SHAPE_ONLY = "(shape only)"
"""The body of an answer of which only keys and types were kept."""


def trimmed(record: dict[str, Any]) -> dict[str, Any]:
    """A recording without what nobody compares."""
    record = {"request": {}, "response": {}, **record}
    kept = {key: value for key, value in record.items() if key not in UNUSED and value is not None}
    if record["response"].get("body") == SHAPE_ONLY:
        kept["shape"] = record["shape"]
    headers = record["response"].get("headers", {})
    if headers:
        left = {name: headers[name] for name in HEADERS if name in headers}
        kept["response"] = {**record["response"], "headers": left}
    if kept.get("at") == "vm":
        del kept["at"]
    if "shortened" in kept and not isinstance(kept["shortened"], str):
        kept["shortened"] = json.dumps(kept["shortened"])
    return kept


if __name__ == "__main__":
    for line in sys.stdin:
        text = json.dumps(
            trimmed(json.loads(line)), separators=(",", ":"), ensure_ascii=False, sort_keys=True
        )
        sys.stdout.write(f"{text}\n")
