# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image: where it comes from, what identifies it, and the mark that it leaves on its template.

The mark is a line of the VM's description, which is written when the VM is created. It has the VMID
in it, so that neither a clone nor a restored backup is taken for the template.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ...api.errors import UsageError
from ...guests.volumes import stored_name

NONE = "none"
"""The checksum of an image that is not verified."""
_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_MARK = re.compile(r"^cloud-image-template: (?P<vmid>\d+) (?P<identity>\S+)\s*$", re.MULTILINE)
# What an ending says of the content; the images of Ubuntu are qcow2 and called .img.
_FORMATS = {"qcow2": "qcow2", "img": "qcow2", "raw": "raw", "vmdk": "vmdk"}


@dataclass(frozen=True)
class Image:
    """An image of a disk on the web; ``algorithm`` and ``checksum`` are None if unverified."""

    url: str
    format: str
    algorithm: str | None = None
    checksum: str | None = None

    @property
    def identity(self) -> str:
        """``sha256:0a1b...``, or ``url:...`` with the checksum of the URL itself."""
        if self.algorithm is None:
            return f"url:{hashlib.sha256(self.url.encode()).hexdigest()}"
        return f"{self.algorithm}:{self.checksum}"

    @property
    def file(self) -> str:
        """The name of the file on a storage: another image has another name."""
        stem = unquote(urlsplit(self.url).path).rsplit("/", 1)[-1].rsplit(".", 1)[0]
        stem = stored_name(stem)[:80] or "image"
        return f"{stem}-{self.identity.split(':')[1][:12]}.{self.format}"

    def mark(self, vmid: int) -> str:
        """The line in the description of the template with this VMID."""
        return f"cloud-image-template: {vmid} {self.identity}"


def read_image(params: t.Mapping[str, t.Any]) -> Image:
    """The image of the options ``url``, ``checksum`` and ``format``; UsageError if one is wrong."""
    url = str(params["url"]).strip()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"url: {url!r} is neither an http nor an https URL")
    algorithm, checksum = _checksum(str(params["checksum"]).strip())
    return Image(url, params["format"] or _format(parts.path), algorithm, checksum)


def _format(path: str) -> str:
    ending = path.rsplit(".", 1)[-1].lower()
    if ending in ("xz", "gz", "bz2", "zst", "zip"):
        raise UsageError(
            f"url: the image is compressed (.{ending}), and Proxmox VE does not unpack images that"
            " are to be imported; use one that is not"
        )
    if ending not in _FORMATS:
        raise UsageError("format: the URL does not end with a known format, so set it")
    return _FORMATS[ending]


def _checksum(text: str) -> tuple[str | None, str | None]:
    if text.lower() == NONE:
        return None, None
    algorithm, _colon, checksum = text.rpartition(":")
    checksum = checksum.lower()
    known = {length: name for name, length in _LENGTHS.items()}
    algorithm = algorithm.lower() or known.get(len(checksum), "")
    right = _LENGTHS.get(algorithm) == len(checksum) and re.fullmatch(r"[0-9a-f]+", checksum)
    if not right:
        raise UsageError(
            f"checksum: {text!r} is no checksum such as sha256:0a1b...; algorithms are"
            f" {', '.join(_LENGTHS)}. With none the image is not verified"
        )
    return algorithm, checksum


def identity_of(config: t.Mapping[str, t.Any], vmid: int) -> str | None:
    """The identity of the image that this VM was made of, None if it has no mark of its own."""
    found = [one for one in _MARK.finditer(str(config.get("description") or ""))
             if int(one["vmid"]) == vmid]  # fmt: skip
    return found[-1]["identity"] if found else None


def created_at(config: t.Mapping[str, t.Any]) -> int:
    """When Proxmox VE created the VM, in epoch seconds by its ``meta``; 0 if unknown."""
    found = re.search(r"\bctime=(\d+)", str(config.get("meta") or ""))
    return int(found[1]) if found else 0
