# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interprets failures in the libraries, and determines whether the request may have been sent."""

from __future__ import annotations

import contextlib
import re
import typing as t

from .bodies import NotJsonError
from .errors import HostError, NoAnswerError, UsageError
from .libraries import (
    ConnectTimeout,
    HTTPError,
    NewConnectionError,
    ReadTimeout,
    RequestException,
    ResourceException,
    SSLError,
)
from .refusals import read_refusal
from .trust import presented_fingerprint, was_sent

if t.TYPE_CHECKING:
    from .option_texts import Host


@contextlib.contextmanager
def explained(tried: str, method: str, host: Host) -> t.Iterator[None]:
    """Translates what the libraries raise in the block.

    ApiError is a refusal, UsageError an untrusted certificate, HostError a failed host, and any
    other NoAnswerError a response that is not from the API.
    """
    try:
        yield
    except ResourceException as exc:
        text = str(exc.content or "")
        raise read_refusal(tried, method, exc.status_code, text, exc.errors) from exc
    except NotJsonError as exc:
        raise NoAnswerError(tried, f"the response is not from the API ({exc})", sent=True) from exc
    except SSLError as exc:
        raise _untrusted(tried, host, exc) from exc
    except RequestException as exc:
        raise _silence(tried, host, exc) from exc
    except (OSError, HTTPError, ValueError, RecursionError, MemoryError) as exc:
        # The text of some of them includes what was to be sent, with secrets.
        shown = "" if isinstance(exc, ValueError) else f": {exc}"
        raise HostError(tried, f"{host}: {type(exc).__name__}{shown}", sent=True) from None


def _silence(tried: str, host: Host, exc: RequestException) -> NoAnswerError:
    what = f"{host}: {_root_cause(exc)}"
    if isinstance(exc, ConnectTimeout) or isinstance(
        getattr(exc.args[0] if exc.args else None, "reason", None), NewConnectionError
    ):
        return HostError(tried, what, sent=False)
    if isinstance(exc, ReadTimeout):
        what = f"{host}: no answer in time"
    return HostError(tried, what, sent=was_sent(exc))


def _untrusted(tried: str, host: Host, exc: Exception) -> UsageError | NoAnswerError:
    text = _root_cause(exc)
    if not any(word in text for word in ("certificate", "fingerprint", "hostname", "IP addr")):
        return HostError(tried, f"{host}: {text}", sent=was_sent(exc))
    pin = presented_fingerprint(host)
    return UsageError(
        f"{tried}: the certificate of {host} is not trusted: {text}."
        " Set ca_path to a copy of the cluster's /etc/pve/pve-root-ca.pem, or api_fingerprint"
        f" to the SHA-256 fingerprint of the node's certificate"
        f" (the server presents {pin}; compare it on the node with: pvenode cert info)"
    )


def _root_cause(exc: BaseException) -> str:
    """The innermost text of requests' nested exceptions, where the reason is."""
    inner: t.Any = exc
    text = str(exc)
    while isinstance(inner, BaseException):
        text = str(inner)
        inner = getattr(inner, "reason", None) or (inner.args[0] if inner.args else None)
    return re.sub(r"^((HTTPSConnection|Pinned)(Pool)?\(.*?\)|<.*? object at 0x\w+>): ", "", text)
