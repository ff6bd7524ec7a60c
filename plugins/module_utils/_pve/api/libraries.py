# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is used of requests, urllib3 and proxmoxer, with placeholders for missing libraries."""

from __future__ import annotations

import traceback

from .errors import MissingLibraryError

__all__ = [
    "MISSING",
    "ConnectTimeout",
    "HTTPAdapter",
    "HTTPError",
    "HTTPSConnection",
    "HTTPSConnectionPool",
    "JsonSerializer",
    "NewConnectionError",
    "PreparedRequest",
    "ProxmoxHTTPApiTokenAuth",
    "ProxmoxHTTPAuthBase",
    "ProxmoxHttpSession",
    "ProxmoxResource",
    "ReadTimeout",
    "RequestException",
    "ResourceException",
    "Response",
    "SSLError",
]

# proxmoxer ends the process if requests is missing, so requests comes first. Missing classes are
# replaced by placeholders to derive from, so that the package can be imported and report it.
try:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException, SSLError
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
    from urllib3.exceptions import HTTPError, NewConnectionError
except ImportError:
    MISSING: MissingLibraryError | None = MissingLibraryError("requests", traceback.format_exc())
    HTTPAdapter = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[misc, assignment]
    ConnectTimeout = ReadTimeout = RequestException = object  # type: ignore[misc, assignment]
    PreparedRequest = Response = object  # type: ignore[misc, assignment]
    HTTPError = NewConnectionError = SSLError = object  # type: ignore[misc, assignment]
else:
    MISSING = None
try:
    if MISSING is not None:
        raise ImportError("requests")
    from proxmoxer.backends.https import (
        JsonSerializer,
        ProxmoxHTTPApiTokenAuth,
        ProxmoxHTTPAuthBase,
        ProxmoxHttpSession,
    )
    from proxmoxer.core import ProxmoxResource, ResourceException
except ImportError:
    MISSING = MISSING or MissingLibraryError("proxmoxer", traceback.format_exc())
    JsonSerializer = ProxmoxHTTPAuthBase = ProxmoxHttpSession = object
    ProxmoxHTTPApiTokenAuth = ProxmoxResource = ResourceException = object
