# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come as a form with several parts (`PVE/APIServer/AnyEvent.pm`).

The server writes the file to a temporary one and gives its name to the call. Here only the size
and the checksums of a file are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

UPLOAD_PATH = re.compile(r"/api2/[a-z][a-z0-9]+/nodes/[^/]+/storage/[^/]+/upload")
MULTIPART = "multipart/form-data"


@dataclass(frozen=True)
class Upload:
    """A form and the file in it; `checksums` are hexadecimal, by algorithm."""

    id: str
    fields: Mapping[str, str]
    filename: str
    size: int
    checksums: Mapping[str, str]
    head: bytes = b""
    """How it begins."""

    @property
    def tmpfilename(self) -> str:
        """Where the server keeps the file."""
        return f"/var/tmp/pveupload-{self.id}"


def is_upload(method: str, path: str) -> bool:
    """Whether the server takes a file here; `path` is the unescaped path."""
    return method == "POST" and UPLOAD_PATH.fullmatch(path) is not None
