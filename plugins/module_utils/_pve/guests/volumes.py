# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wishes for volumes: ``STORAGE:SIZE`` asks for one, and is met by one that is there.

Sent to Proxmox VE as it is, such a wish creates a new, empty volume each time and detaches the one
that the guest works with (``PVE::QemuServer``, ``PVE::LXC::Config``).
"""

from __future__ import annotations

import re
import typing as t

from ..api.errors import UsageError

if t.TYPE_CHECKING:
    from .properties import Format

_STORAGE = r"(?P<storage>[A-Za-z][\w.\-]*)"
_WISH = re.compile(rf"{_STORAGE}:(?P<size>\d+(?:\.\d+)?|cloudinit)\Z")
_VOLUME = re.compile(rf"{_STORAGE}:.+")
# What says how a new volume is to be created, and is forgotten when it is there.
_OF_THE_CREATION = ("format", "import-from")
_GIB = 1 << 30
# The content of a cloud-init drive is made by Proxmox VE, under this name.
_CLOUDINIT = "cloudinit"
# Volumes whose size Proxmox VE chooses itself, whatever the wish says.
_OWN_SIZE = ("efidisk0", "tpmstate0")


class ReplacedVolumeError(UsageError):
    """A wish would detach the volume that a guest has; only ``allow_destructive`` allows that."""


def met_by(option: str, form: Format, have: str, want: str) -> str:
    """The wish with the volume that is there in place of the one that it asks for.

    Raises UsageError where the volume is on another storage or has another size, and
    ReplacedVolumeError where the wish names another volume.
    """
    if form.volume is None:
        return want
    volume = form.volume
    current, wanted = form.parse(have), form.parse(want)
    mine, asked = current.get(volume, ""), wanted.get(volume, "")
    wish = _WISH.match(asked)
    if wish is None:
        if asked != mine and _is_owned(current, mine):
            raise ReplacedVolumeError(
                f"{option} has the volume {mine}; {asked or want} would replace it"
            )
        return want
    if not _VOLUME.match(mine) or _is_medium(current, mine):
        return want
    if (wish.group("size") == _CLOUDINIT) != (_CLOUDINIT in mine):
        raise ReplacedVolumeError(f"{option} has the volume {mine}; {asked} would replace it")
    _check(option, wish, mine, current)
    if wish.group("size") == _CLOUDINIT:
        wanted.setdefault("media", "cdrom")
    rest = {key: one for key, one in wanted.items() if key not in (volume, *_OF_THE_CREATION)}
    return ",".join([mine, *(f"{key}={one}" for key, one in rest.items())])


def _check(option: str, wish: re.Match[str], mine: str, current: t.Mapping[str, str]) -> None:
    storage = mine.split(":", 1)[0]
    if storage != wish.group("storage"):
        raise UsageError(
            f"{option} is on storage {storage} ({mine}), not on {wish.group('storage')}; to move it"
            " there is an operation of its own (move_disk, for a container move_volume)"
        )
    size, have = wish.group("size"), size_in_bytes(current.get("size", ""))
    if size == _CLOUDINIT or option in _OWN_SIZE or have is None or float(size) == 0:
        return
    if float(size) * _GIB != have:
        raise UsageError(
            f"{option} ({mine}) has the size {current['size']}, not {size}G; the operation resize"
            " enlarges a disk, nothing shrinks one"
        )


def _is_owned(current: t.Mapping[str, str], volume: str) -> bool:
    """Whether a volume holds data of the guest: no medium, nothing of the host."""
    return _VOLUME.match(volume) is not None and not _is_medium(current, volume)


def _is_medium(current: t.Mapping[str, str], volume: str) -> bool:
    """Whether the drive has a medium that can be changed: an image, the host's drive or none."""
    return current.get("media") == "cdrom" and _CLOUDINIT not in volume


def size_in_bytes(text: str) -> int | None:
    """``32G`` in bytes (``PVE::JSONSchema::parse_size``; binary units); None for no such size."""
    match = re.match(r"(\d{1,18}(?:\.\d+)?)([KMGT]?)\Z", text)
    if match is None:
        return None
    return int(float(match.group(1)) * 1024 ** " KMGT".index(match.group(2) or " "))
