# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for tasks with proxmoxer's own tool, each in a thread, and prints when each came back.

The standard input is JSON: ``{host, ca, user, token, secret, upids}``.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from proxmoxer import ProxmoxAPI
from proxmoxer.tools import Tasks


def main() -> None:
    """Wait for all of them."""
    given = json.load(sys.stdin)
    api = ProxmoxAPI(
        given["host"],
        user=given["user"],
        token_name=given["token"],
        token_value=given["secret"],
        verify_ssl=given["ca"],
        timeout=30,
    )

    def wait(upid: str) -> float:
        Tasks.blocking_status(api, upid, timeout=600)
        return time.time()

    upids = given["upids"]
    with ThreadPoolExecutor(len(upids)) as threads:
        print(json.dumps({"ends": dict(zip(upids, threads.map(wait, upids), strict=True))}))


if __name__ == "__main__":
    main()
