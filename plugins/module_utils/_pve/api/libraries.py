# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is used of requests, urllib3 and proxmoxer, with placeholders for missing libraries."""

from __future__ import annotations

import traceback
import typing as t

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


def _missing(name: str) -> t.Any:
    """A placeholder of an exception, to be caught and never raised."""
    return type(name, (Exception,), {})


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
    PreparedRequest = Response = object  # type: ignore[misc, assignment]
    ConnectTimeout = _missing("ConnectTimeout")  # type: ignore[misc]
    HTTPError = _missing("HTTPError")  # type: ignore[misc]
    NewConnectionError = _missing("NewConnectionError")  # type: ignore[misc]
    ReadTimeout = _missing("ReadTimeout")  # type: ignore[misc]
    RequestException = _missing("RequestException")  # type: ignore[misc]
    SSLError = _missing("SSLError")  # type: ignore[misc]
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
    ProxmoxHTTPApiTokenAuth = ProxmoxResource = object
    ResourceException = _missing("ResourceException")
