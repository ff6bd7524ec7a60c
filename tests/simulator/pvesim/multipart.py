# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a form with a file in it, which may be of any size (`PVE/APIServer/AnyEvent.pm`)."""

from __future__ import annotations

import hashlib
import secrets

from aiohttp import BodyPartReader, web

from .upload import Upload

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
MAX_FIELDS = 64 * 1024
"""Bytes of all fields beside the file."""
HEAD = 16
"""Bytes of the beginning that are kept."""


FIELDS = ("content", "checksum-algorithm", "checksum")
"""What stands before the file, in this order."""


class UploadFailed(Exception):
    """The form is no form, has no file, or its fields are too long."""


class Misplaced(UploadFailed):
    """A field before the file that does not belong there."""


async def receive(request: web.BaseRequest) -> Upload:
    """Read the form of a request to its end, what stands behind the file for nothing.

    Raises UploadFailed.
    """
    fields: dict[str, str] = {}
    expected, misplaced = list(FIELDS), False
    found: tuple[str, int, dict[str, str], bytes] | None = None
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise UploadFailed
            if part.name == "filename" and part.filename and found is None:
                found = (part.filename, *await _file(part))
            elif part.name in expected and found is None:
                fields[part.name] = await part.text(encoding="utf-8")
                del expected[: expected.index(part.name) + 1]
            else:
                misplaced = misplaced or found is None
    except (ValueError, AssertionError) as error:  # what aiohttp raises for a broken form
        raise UploadFailed from error
    if found is None or sum(map(len, fields.values())) >= MAX_FIELDS:
        raise UploadFailed
    if misplaced:
        raise Misplaced
    return Upload(secrets.token_hex(16), fields, *found)


async def _file(part: BodyPartReader) -> tuple[int, dict[str, str], bytes]:
    """The size and the checksums of the file, and how it begins."""
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS}
    size, head = 0, b""
    while chunk := await part.read_chunk(1 << 16):
        size += len(chunk)
        head = head or chunk[:HEAD]
        for checksum in sums.values():
            checksum.update(chunk)
    return size, {name: checksum.hexdigest() for name, checksum in sums.items()}, head
