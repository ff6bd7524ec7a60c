# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching a file from the web, for real, with the words of wget.

The content is not kept: its size and its checksum are.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 60.0
PIECE = 1 << 20
HEAD = 512
LINE = 32 * PIECE
"""wget makes a dot for each MiB and a line for 32 of them."""
DOTS = 36
"""Columns of the dots of a line, the blanks before each eight included."""
UNITS = (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10))


class Unfetched(Exception):
    """The reason as the exit status has it; `lines` is what wget prints before it."""

    def __init__(self, reason: str, *lines: str) -> None:
        super().__init__(f"download failed: {reason}")
        self.lines = lines


@dataclass(frozen=True)
class Fetched:
    """What came."""

    size: int
    checksum: str
    """Hexadecimal; empty if none was requested."""
    kind: str
    seconds: float
    head: bytes = b""
    """How it begins."""

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.size / max(self.seconds, 1e-6)


async def fetch(url: str, algorithm: str | None, *, proxy: str | None, verify: bool) -> Fetched:
    """Fetch a file; raises Unfetched."""
    return await asyncio.to_thread(_fetch, url, algorithm, proxy, verify)


def _fetch(url: str, algorithm: str | None, proxy: str | None, verify: bool) -> Fetched:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
        urllib.request.HTTPSHandler(context=context),
    )
    begun = time.monotonic()
    try:
        with opener.open(url, timeout=PATIENCE) as answer:
            return _read(answer, algorithm, begun)
    except urllib.error.HTTPError as error:
        said = f"{error.code} {error.reason}"
        where = f"Connecting to {_host(url)}... connected."
        sent = f"HTTP request sent, awaiting response... {said}"
        raise Unfetched(
            "exit code 8", where, sent, f"ERROR {error.code}: {error.reason}."
        ) from None
    except urllib.error.URLError as error:
        raise Unfetched(_why(url, error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unfetched(_why(url, error)) from None


def _read(answer: Any, algorithm: str | None, begun: float) -> Fetched:
    """Count and sum up what comes."""
    digest = hashlib.new(algorithm) if algorithm else None
    size, head = 0, b""
    while piece := answer.read(PIECE):
        size += len(piece)
        head = head if len(head) >= HEAD else (head + piece)[:HEAD]
        if digest is not None:
            digest.update(piece)
    kind = answer.headers.get("Content-Type", "")
    checksum = digest.hexdigest() if digest is not None else ""
    return Fetched(size, checksum, kind, time.monotonic() - begun, head)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _why(url: str, reason: object) -> str:
    """The last line of wget."""
    if isinstance(reason, socket.gaierror):
        return f"wget: unable to resolve host address '{urlsplit(url).hostname}'"
    if isinstance(reason, ssl.SSLError):
        return "exit code 5"
    text = getattr(reason, "strerror", None) or str(reason)
    return f"Connecting to {_host(url)}... failed: {text}."


def progress_lines(url: str, file: str, fetched: Fetched) -> Iterator[str]:
    """The lines of wget from the answer to the last line of dots."""
    yield f"Connecting to {_host(url)}... connected."
    yield "HTTP request sent, awaiting response... 200 OK"
    kind = f" [{fetched.kind}]" if fetched.kind else ""
    yield f"Length: {fetched.size}{_short(fetched.size)}{kind}"
    yield f"Saving to: '{file}'"
    for start in range(0, max(fetched.size, 1), LINE):
        done = min(fetched.size, start + LINE)
        dots = "." * ((done - start) // PIECE)
        groups = "".join(f" {dots[at : at + 8]:8}" for at in range(0, 32, 8))
        percent = done * 100 // (fetched.size or 1)
        rate = _rounded(fetched.rate)
        left = (fetched.size - done) / max(fetched.rate, 1)
        end = f"{rate} {left:.0f}s" if done < fetched.size else f"{rate}={fetched.seconds:.2g}s"
        yield f"{start // 1024:6}K{groups:{DOTS}}{percent:3}%  {end}"


def _short(size: int) -> str:
    """The size in brackets, for files of a KiB and more."""
    return f" ({_rounded(size)})" if size >= UNITS[-1][1] else ""


def _rounded(size: float) -> str:
    """Three digits at most, with a letter."""
    for unit, factor in UNITS:
        if size >= factor:
            value = size / factor
            return f"{value:.0f}{unit}" if value >= 10 else f"{value:.1f}{unit}"
    return f"{size:.0f}"


def speed(fetched: Fetched) -> str:
    """The speed in the last line of wget, in powers of 1000."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if fetched.rate >= factor:
            value = fetched.rate / factor
            return f"{value:.0f} {unit}/s" if value >= 100 else f"{value:.1f} {unit}/s"
    return f"{fetched.rate:.0f} B/s"
